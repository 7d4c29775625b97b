# SPDX-License-Identifier: LGPL-2.1-or-later
# Restores what was captured of a video tape: dropouts and noise, field by field, and then every field becomes a frame.
# Sound and all else are kept. Builds what is missing first (Debian 12, as root or with sudo).
#
#     sh examples/vhs.sh INPUT OUTPUT [OPTION...]    of udm-restore, as its man page tells; the last one counts
#
# Leaves a frame, as it was and as it is, in build/vhs-before.png and build/vhs-after.png: that at the second AT (1).
start=$PWD
cd "$(dirname "$0")/.." || exit 1
name=vhs
. examples/common.sh

restore_file --dirt 0.5 --deinterlace fields "$@"
