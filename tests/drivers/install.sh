# SPDX-License-Identifier: LGPL-2.1-or-later
# Fetches a driver of OpenCL for processors into $XDG_CACHE_HOME/udm-drivers, where nothing but the tests finds it, if
# it is not there; and prints the environment that it runs in. Fails, and says why, where it cannot be had.
#     env $(sh tests/drivers/install.sh intel) COMMAND
#     env $(sh tests/drivers/install.sh rusticl) COMMAND
cd "$(dirname "$0")/../.." || exit 1
driver=$1
folder=${XDG_CACHE_HOME:-$HOME/.cache}/udm-drivers/$driver

fail() {
    echo "drivers: $driver $1" >&2
    exit 1
}

# Half precision and sub-groups. The wheels' loader of drivers would take the place of the system's.
intel() {
    [ "$(uname -m)" = x86_64 ] || fail 'is for x86-64'
    python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q download --no-deps -d "$folder/wheels" \
        intel-opencl-rt intel-cmplr-lib-rt tcmlib tbb umf || fail 'could not be downloaded'
    mkdir "$folder/lib" || exit 1
    for wheel in "$folder"/wheels/*.whl; do
        python3 -m zipfile -e "$wheel" "$folder/unpacked" || fail 'could not be unpacked'
    done
    cp -a "$folder"/unpacked/*.data/data/lib/. "$folder/lib" && rm -f "$folder"/lib/libOpenCL.so*
    rm -rf "$folder/venv" "$folder/wheels" "$folder/unpacked"
    echo "$folder/lib/libintelocl.so" >"$folder/vendors/intel.icd"
}

# Mesa's, on llvmpipe. The package itself would bring its drivers into all other tests.
rusticl() {
    sh tests/packages.sh libclc-15 libclc-15-dev libllvmspirvlib15 libclang-cpp15 libllvm15 >&2 ||
        fail 'lacks its libraries'
    (cd "$folder" && apt-get -qq download mesa-opencl-icd && dpkg -x mesa-opencl-icd_*.deb .) || fail 'could not be had'
    library=$(find "$folder" -name 'libRusticlOpenCL.so.1' | head -n 1)
    ldd "$library" | grep 'not found' >&2 && fail 'lacks libraries'
    ln -s "$(dirname "$library")" "$folder/lib"
    echo "$library" >"$folder/vendors/rusticl.icd"
}

case $driver in
intel | rusticl) ;;
*) fail 'is no driver that this script knows: intel, rusticl' ;;
esac
if [ ! -s "$folder/vendors/$driver.icd" ]; then
    rm -rf "$folder"
    mkdir -p "$folder/vendors" || exit 1
    $driver >&2 || exit 1
fi
echo "LD_LIBRARY_PATH=$folder/lib OCL_ICD_VENDORS=$folder/vendors RUSTICL_ENABLE=llvmpipe"
