#!/usr/bin/env bash
# package.sh BUILD OUT [deb]: from a finished release build, moat as people install it:
#
#   OUT/moat_VERSION~DISTRIBUTION_ARCH.deb    on this distribution's libraries
#   OUT/moat-VERSION-ARCH.tar.gz              relocatable: all libraries but glibc's are inside
#   OUT/moat-VERSION-….whl                    the same as a wheel: `pip install` gives the program
#
# `deb`: that one alone. The same build gives the same bytes: times are SOURCE_DATE_EPOCH, else those of the last commit.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 out=$(mkdir -p "$2" && cd "$2" && pwd)
version=$(cat VERSION)
PATH=$PATH:/usr/sbin:/sbin # for ldconfig: a user's PATH may lack these
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
# So that the package for a newer distribution counts as newer than that of the same version for an older one.
distribution=$(. /etc/os-release && echo "~${ID/debian/deb}${VERSION_ID:-}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program, stripped, with its other name, below a prefix (usr, or a folder that may lie anywhere).
place() {
  cmake --install "$build" --prefix "$1" >/dev/null
  strip --strip-unneeded "$1/bin/moat"
  python3 cmake/man_pages.py "$1/bin/moat" "$version" "$1/share/man/man1"
}

# The oldest glibc that this program and its libraries start with: what they were linked with names.
glibc_of() {
  objdump -T "$@" 2>/dev/null | grep -oE 'GLIBC_[0-9]+\.[0-9]+' | sort -uV | tail -n 1 | sed 's/GLIBC_//; s/\./_/'
}

# What the program opens when it first needs it, by the names it was built with: no linker knows of these.
opened_later() { strings -a "$1" | grep -E '^lib(curl|archive)\.so\.[0-9]+$' | sort -u; }

path_of() { ldconfig -p | awk -v name="$1" '$1 == name && !found++ { print $NF }'; }

# Everything a file needs, and what that needs; glibc stays the system's.
libraries_of() {
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl|libnss_[a-z]+|libmvec)\.so\.[0-9]+$' || true
}

package_of() {
  local file package
  for file in "$1" "$(readlink -f "$1")" "/usr$1" "$(readlink -f "/usr$1" 2>/dev/null || true)"; do
    package=$(dpkg-query -S "$file" 2>/dev/null) || continue
    package=${package%%$'\n'*}
    echo "${package%%:*}"
    return
  done
}

# libarchive needs libxml2, and with it 35 MB of ICU, to read xar archives alone; moat opens none. A library of the same
# name has the same symbols, and stops the program where one of them is called.
stand_in_for_xml() {
  nm -D --undefined-only --with-symbol-versions "$1" | awk '$2 ~ /@LIBXML2_/ { split($2, part, "@"); print part[1], part[length(part)] }' |
    sort -u > "$work/xml-symbols"
  awk '{ print "void " $1 "(void) { __builtin_trap(); }" }' "$work/xml-symbols" > "$work/xml.c"
  awk '{ of[$2] = of[$2] " " $1 ";" } END { for (v in of) print v " { global:" of[v] " };" }' "$work/xml-symbols" > "$work/xml.map"
  ${CC:-cc} -shared -fPIC -Os -s -nostdlib -w -Wl,-soname,libxml2.so.2 -Wl,--version-script="$work/xml.map" "$work/xml.c" -o "$2/libxml2.so.2"
}

same_times() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

make_deb() {
  local root=$work/deb arch depends library package
  local -a names
  arch=$(dpkg --print-architecture)
  place "$root/usr"
  mkdir -p "$root/DEBIAN" "$work/shlibs/debian"
  printf 'Source: moat\n\nPackage: moat\nArchitecture: any\n' > "$work/shlibs/debian/control"
  depends=$(cd "$work/shlibs" && dpkg-shlibdeps -O "$root/usr/bin/moat" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
  for library in $(opened_later "$root/usr/bin/moat"); do
    package=$(package_of "$(path_of "$library")")
    [ -n "$package" ] || { echo "package.sh: no package has $library" >&2; exit 1; }
    depends+=", $package"
  done
  mapfile -t names < <(sed 's/([^)]*)//g' <<< "$depends" | tr -d ' ' | tr ',' '\n')
  python3 cmake/third_party.py deb "$build" "$version" "$root" "${names[@]}"
  cat > "$root/DEBIAN/control" <<CONTROL
Package: moat
Version: $version$distribution
Architecture: $arch
Maintainer: the moat developers <moat@localhost>
Section: python
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Recommends: python3, ca-certificates
Suggests: git
Description: sealed Python environments
 Environments with their own interpreter, standard library and packages: what
 happens to the Python underneath does not reach in.
CONTROL
  same_times "$root"
  dpkg-deb --root-owner-group -Zxz --build "$root" "$out/moat_$version${distribution}_$arch.deb" >/dev/null
}

make_tarball() {
  local name root library file package
  name=moat-$version-$(uname -m)
  root=$work/$name
  place "$root"
  mkdir -p "$root/lib/moat"
  local -a all=("$root/bin/moat")
  for library in $(opened_later "$root/bin/moat"); do all+=("$(path_of "$library")"); done
  for file in $(libraries_of "${all[@]}") "${all[@]:1}"; do
    case ${file##*/} in libxml2.so.2 | libicu*) continue ;; esac
    cp -L "$file" "$root/lib/moat/"
    package=$(package_of "$file")
    [ -n "$package" ] || { echo "package.sh: no package has $file" >&2; exit 1; }
    echo "lib/moat/${file##*/} $package" >> "$work/inside"
  done
  [ ! -e "$root/lib/moat/libarchive.so.13" ] || stand_in_for_xml "$root/lib/moat/libarchive.so.13" "$root/lib/moat"
  chmod 0644 "$root"/lib/moat/*
  # RPATH, not RUNPATH: it holds for what the libraries themselves need, and for what is opened later.
  patchelf --force-rpath --set-rpath "\$ORIGIN/../lib/moat" "$root/bin/moat"
  for file in "$root"/lib/moat/*; do patchelf --force-rpath --set-rpath "\$ORIGIN" "$file"; done
  python3 cmake/third_party.py tree "$build" "$version" "$root" "$work/inside"
  same_times "$root"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work" -cf - "$name" |
    gzip -9n > "$out/$name.tar.gz"
}

make_wheel() {
  local root
  root=$work/moat-$version-$(uname -m)
  python3 cmake/make_wheel.py "$root" "$version" "manylinux_$(glibc_of "$root/bin/moat" "$root"/lib/moat/*)_$(uname -m)" "$out"
}

make_deb
if [ "${3:-}" != deb ]; then
  make_tarball
  make_wheel
fi
cd "$out"
sha256sum moat[-_]"$version"* > SHA256SUMS
ls -l --time-style=+ moat* | awk '{ print $5, $NF }'
