#!/bin/sh
# Makes an unpacked Mnemoscope known to the desktop: commands, menu entry, icon, and .mnemo files open by a double click.
#
#   ./install.sh             for this user (~/.local)
#   ./install.sh /usr/local  for everyone
#   ./install.sh --remove [PREFIX]
#
# The unpacked folder stays where it is; run this again after moving it.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
remove=no
if [ "${1:-}" = --remove ]; then
    remove=yes
    shift
fi
prefix=${1:-"$HOME/.local"}
bin=$prefix/bin
share=$prefix/share
entry=$share/applications/mnemoscope.desktop
icon=$share/icons/hicolor/scalable/apps/mnemoscope.svg
mime=$share/mime/packages/mnemoscope.xml

tell_desktop() {
    if command -v update-mime-database >/dev/null; then update-mime-database "$share/mime" || true; fi
    if command -v update-desktop-database >/dev/null; then update-desktop-database -q "$share/applications" || true; fi
}

if [ "$remove" = yes ]; then
    rm -f "$bin/mnemoscope" "$bin/mnemoscope-ui" "$entry" "$icon" "$mime"
    tell_desktop
    echo "Mnemoscope is no longer known to the desktop. The folder $here and your runs were not touched."
    exit 0
fi

mkdir -p "$bin" "$(dirname "$entry")" "$(dirname "$icon")" "$(dirname "$mime")"
ln -sf "$here/mnemoscope" "$bin/mnemoscope"
ln -sf "$here/mnemoscope-ui" "$bin/mnemoscope-ui"
# In a desktop file a path stands in quotes; what is special inside them, and to sed, is escaped.
quoted=$(printf '%s' "$here/mnemoscope-ui" | sed -e 's/[\\"`$]/\\\\&/g' -e 's/%/%%/g' -e 's/[|&\\]/\\&/g')
plain=$(printf '%s' "$here/mnemoscope-ui" | sed -e 's/\\/\\\\/g' -e 's/[|&\\]/\\&/g')
sed -e "s|^Exec=.*|Exec=\"$quoted\" %f|" -e "s|^TryExec=.*|TryExec=$plain|" \
    "$here/share/mnemoscope.desktop" >"$entry"
cp "$here/share/mnemoscope.svg" "$icon"
cp "$here/share/mnemoscope.xml" "$mime"
tell_desktop
echo "Mnemoscope is installed for $prefix; its commands are mnemoscope and mnemoscope-ui in $bin."
