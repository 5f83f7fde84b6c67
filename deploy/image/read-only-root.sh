#!/bin/sh
# Prepares a root that nothing writes to from the next start on: what is written there stays in
# memory (Debian's overlayroot), and what must last is on a partition of its own, /data.
# Can be run again: each step is whole, or is done anew.  See docs/read-only-root.md.
# usage: read-only-root.sh [FOLDER]      as root; FOLDER has what belongs into / (read-only)
# Ends with 0: prepared, start anew; 3: this card has no room for it, the reason is told.
set -eu

files=${1:-$(dirname "$0")/read-only}
problem=/etc/skolro/root.problem
root_bytes=$((8 << 30)) # a system of 3 GB, and the kernels of years
least_bytes=$((2 << 30))
aligned=8192 # sectors, 4 MiB: what cards erase at once
label=skolro-data
# What is changed while a node runs, and must be there after the next start.
kept="/opt/skolro /etc/skolro /var/lib/skolro /var/lib/skolro-updater /var/lib/chrony
  /var/lib/systemd /var/lib/NetworkManager /etc/NetworkManager/system-connections /etc/netplan
  /home /var/lib/apt/lists /var/cache/apt"
# Of these nothing may stay behind: keys, and what would be taken for a node of its own.
moved="/opt/skolro /var/lib/skolro /var/lib/skolro-updater"

refuse() {
  echo "read-only-root.sh: the root stays writable: $1" | tee "$problem" >&2
  chmod 0644 "$problem"
  exit 3
}
number_in() { cat "/sys/class/block/$1/$2"; }
at_data() { echo "/data/$(echo "${1#/}" | tr / -)"; }

if mountpoint -q /media/root-ro; then
  echo "The root is read-only already."
  exit 0
fi
# overlayroot calls grep before there is a root, which is busybox's.
for package in busybox overlayroot fdisk e2fsprogs; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"
  }
done

initramfses=$(find /boot -maxdepth 1 -name 'initrd.img-*')
firmware=/boot/firmware/config.txt
if [ -z "$initramfses" ] || { [ -f "$firmware" ] && ! grep -qE '^(auto_initramfs=1|initramfs )' "$firmware"; }; then
  refuse "this system starts without an initramfs, which would make it so: auto_initramfs=1 belongs into config.txt"
fi

# What the first start makes must be made, for it would be made anew at each.
if command -v cloud-init >/dev/null; then timeout 900 cloud-init status --wait >/dev/null || true; fi
systemd-machine-id-setup --commit || true
[ -s /etc/machine-id ] || refuse "this machine has no id yet (/etc/machine-id): restart it, and again"
if command -v ssh-keygen >/dev/null; then ssh-keygen -A >/dev/null; fi

# The partition, behind the root's.
source=$(findmnt --noheadings --output SOURCE /)
root=$(basename "$source")
disk=$(lsblk --noheadings --nodeps --output PKNAME "$source" 2>/dev/null || true)
if [ -z "$disk" ] || [ "$(findmnt --noheadings --output FSTYPE /)" != ext4 ]; then
  refuse "the root ($source) is no partition with ext4"
fi
place=$(number_in "$root" partition)
next=$((place + 1))
data=${root%"$place"}$next
begin=$(number_in "$root" start)
end=$((begin + $(number_in "$root" size)))
from=$((begin + root_bytes / 512))
[ "$from" -ge "$end" ] || from=$end
from=$(((from + aligned - 1) / aligned * aligned))
size=$(($(cat "/sys/block/$disk/size") - from - aligned))
if [ -e "/sys/class/block/$data" ]; then
  signature=$(blkid -p -o value -s LABEL "/dev/$data" || true)
  type=$(blkid -p -o value -s TYPE "/dev/$data" || true)
  [ "$signature" = "$label" ] || { [ -z "$type" ] && [ "$(number_in "$data" start)" -eq "$from" ]; } ||
    refuse "there is a partition behind the root's already ($data): write the card anew"
else
  for other in "/sys/block/$disk/$disk"*; do
    [ "$(cat "$other/start")" -le "$begin" ] ||
      refuse "there is a partition behind the root's already (${other##*/}): write the card anew"
  done
  if [ $((size * 512)) -lt "$least_bytes" ]; then
    [ $(($(cat "/sys/block/$disk/size") * 512)) -lt $((root_bytes + 2 * least_bytes)) ] ||
      refuse "the root fills the card, for it was let grow at its first start: write the card anew, and take the word resize (Bookworm: init=...firstboot) out of cmdline.txt before that start"
    refuse "the card is too small: take one of 16 GB or more"
  fi
  if [ "$end" -lt "$from" ]; then
    echo "$begin, $((from - begin))" | sfdisk --quiet --no-reread --no-tell-kernel --force -N "$place" "/dev/$disk"
    partx --update --nr "$place" "/dev/$disk"
  fi
  echo "$from, $size, L" | sfdisk --quiet --no-reread --no-tell-kernel --force --append "/dev/$disk"
  partx --add --nr "$next" "/dev/$disk" 2>/dev/null || partx --update --nr "$next" "/dev/$disk"
  udevadm settle --timeout=30
fi
resize2fs "$source" 2>/dev/null
if [ "$(blkid -p -o value -s LABEL "/dev/$data" || true)" != "$label" ]; then
  mkfs.ext4 -q -F -m 1 -L "$label" "/dev/$data"
fi
install -d -m 0755 /data
mountpoint -q /data || {
  e2fsck -p "/dev/$data" >/dev/null || [ $? -lt 4 ] || e2fsck -f -y "/dev/$data"
  mount -o noatime "/dev/$data" /data
}
uuid=$(blkid -p -o value -s UUID "/dev/$data")

# What must last goes there while nobody writes to it.
systemctl stop skolro-sensor.service skolro-updater.path skolro-updater.timer skolro-restart.path \
  skolro-updater.service 2>/dev/null || true
for folder in $kept; do
  mountpoint -q "$folder" && continue
  install -d "$folder"
  there=$(at_data "$folder")
  rm -rf "$there" "$there.part"
  cp -a "$folder" "$there.part"
  mv "$there.part" "$there"
done
sync
{
  # Without /data the system starts all the same, and can be reached; the node does not.
  awk '$2 == "/boot/firmware" && $4 !~ /(^|,)ro(,|$)/ { $4 = $4 ",ro" }
    $2 != "/data" && $1 !~ "^/data/"' /etc/fstab
  waits=nofail,x-systemd.before=local-fs.target
  echo "UUID=$uuid /data ext4 noatime,nodev,nosuid,errors=remount-ro,$waits,x-systemd.device-timeout=2min 0 2"
  for folder in $kept; do
    echo "$(at_data "$folder") $folder none bind,$waits 0 0"
  done
} > /etc/fstab.part
mv /etc/fstab.part /etc/fstab
sync
for folder in $moved; do
  mountpoint -q "$folder" || find "$folder" -mindepth 1 -delete
done
systemctl daemon-reload
for folder in $kept; do
  mountpoint -q "$folder" || mount "$folder"
done

# Swap belongs into memory too: a file on the root would only seem to be on the card.
if [ -e /lib/systemd/system/dphys-swapfile.service ]; then
  systemctl disable --now dphys-swapfile.service
fi
if [ -d /etc/rpi ]; then
  install -d /etc/rpi/swap.conf.d
  printf '[Main]\nMechanism=zram\n' > /etc/rpi/swap.conf.d/skolro.conf
fi
(cd "$files" && find . -type f ! -name skolro-root -exec install -D -m 0644 {} /{} \;)
install -m 0755 "$files/usr/local/sbin/skolro-root" /usr/local/sbin/skolro-root
# Each node on a night of its own, so that what breaks one has not broken all.
night=$(printf '%d' "0x$(cut -c 1-6 /etc/machine-id)")
night=$(echo Mon Tue Wed Thu Fri Sat Sun | cut -d ' ' -f $((night % 7 + 1)))
install -d /etc/systemd/system/skolro-upgrade.timer.d
printf '[Timer]\nOnCalendar=\nOnCalendar=%s 02:00\n' "$night" \
  > /etc/systemd/system/skolro-upgrade.timer.d/night.conf
cat > /etc/overlayroot.local.conf <<CONFIG
# Written by read-only-root.sh. A file overlayroot.conf on /data switches it off: see skolro-root.
overlayroot_cfgdisk="UUID=$uuid"
overlayroot="tmpfs:recurse=0"
CONFIG
systemctl daemon-reload
systemctl enable skolro-overlay.service skolro-writable.service skolro-upgrade.timer
for initramfs in $initramfses; do
  # What starts the system makes the overlay; the package has put it there when it was installed.
  found=$(lsinitramfs "$initramfs" | grep -cE '(init-bottom/overlayroot|/bin/busybox)$' || true)
  [ "$found" = 2 ] || update-initramfs -u -k "${initramfs#/boot/initrd.img-}"
done
rm -f "$problem" /data/overlayroot.conf
touch /data/read-only
sync
echo "The root is read-only from the next start on."
