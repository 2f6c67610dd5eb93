#!/usr/bin/env bash
# package_on.sh SUITE INDEX PACKAGE…: the .deb for another release of Debian, in build/package/SUITE.
#
# It is compiled in a root of that release with these packages, build/roots/SUITE, in which this checkout is /moat. The root is
# made once per list of packages; remove the folder to make it again. ccache keeps the compiled objects.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=$1 index=$2
shift 2
[ "$(id -u)" -eq 0 ] || { echo "package_on.sh: must run as root (it mounts and uses chroot)" >&2; exit 1; }
[ -n "${MOAT_IN_MOUNTS:-}" ] || MOAT_IN_MOUNTS=1 exec unshare --mount --propagation private "$PWD/cmake/package_on.sh" "$suite" "$index" "$@"

root=$PWD/build/roots/$suite
if [ "$(cat "$root/packages" 2>/dev/null)" != "$*" ]; then
  rm -rf "$root"
  mkdir -p build/roots
  mmdebstrap --variant=minbase --include="$*" "$suite" "$root" ${MOAT_DEBIAN_MIRROR:+"$MOAT_DEBIAN_MIRROR"}
  echo "$*" > "$root/packages"
fi

mkdir -p "$root/moat" build/roots/ccache
mount --bind "$PWD" "$root/moat"
mount -t proc proc "$root/proc"
# Asked outside the root: the history of a git worktree is in another folder, which the root does not show.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
chroot "$root" /usr/bin/env -i -C /moat PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" \
  CCACHE_DIR=/moat/build/roots/ccache CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=/moat \
  ${CMAKE_BUILD_PARALLEL_LEVEL:+CMAKE_BUILD_PARALLEL_LEVEL="$CMAKE_BUILD_PARALLEL_LEVEL"} \
  bash -euc '
    cmake --preset release -B "build/release-$1" -DMOAT_DEFAULT_INDEX="$2" >/dev/null
    cmake --build "build/release-$1"
    cmake/package.sh "build/release-$1" "build/package/$1" deb' bash "$suite" "$index"
