# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores a scan of old film: weave and flicker, then dirt, then noise, of which a little stays as grain. Sound and all
# else are kept. Builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/film.sh INPUT OUTPUT [OPTION...]    of udm-restore, as its man page tells; the last one counts
#
# Leaves a frame, as it was and as it is, in build/film-before.png and build/film-after.png: that at the second AT (1).
start=$PWD
cd "$(dirname "$0")/.." || exit 1
name=film
. examples/common.sh

restore_file --stabilize-gate 1 --deflicker 1 --dirt 0.5 --grain 0.15 "$@"
