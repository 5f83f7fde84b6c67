// Where this phone is, to be written on the node's own page, which no phone tells it to.

const section = document.querySelector("#position");
const button = document.querySelector("#locate");
const told = document.querySelector("#located");

if (isSecureContext && navigator.geolocation) {
  section.hidden = false;
  button.addEventListener("click", () =>
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const { latitude, longitude, accuracy } = coords;
        told.textContent = `${latitude.toFixed(6)}, ${longitude.toFixed(6)} (± ${Math.ceil(accuracy)} m)`;
      },
      () => (told.textContent = button.dataset.failed),
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 },
    ),
  );
}
