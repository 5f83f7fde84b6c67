// The QR code carries the code behind the #, which browsers send to nobody.
const code = decodeURIComponent(location.hash.slice(1));
if (/^[A-Z0-9-]{4,20}$/.test(code)) {
  document.querySelector("#code").value = code;
  history.replaceState(null, "", location.pathname);
}
