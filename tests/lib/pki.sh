# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# A small certificate authority for tests and the demo, made with openssl.
#
#   . tests/lib/pki.sh
#   pki_make DIR        ca server client client2 expired not-yet other-ca stranger serverauth selfsigned
#   pki_pin FILE.crt    "SHA256:hex" of a certificate, as --client-pin takes it
#
# NAME.crt and NAME.key are PEM; keys are readable by their owner only. What each is for:
#   server      127.0.0.1, ::1, localhost          client      good
#   expired     client, ended yesterday            not-yet     client, begins tomorrow
#   stranger    client of other-ca                 selfsigned  client of nobody
#   serverauth  of ca, but for servers only

_pki_self() { # DIR NAME EXTENSION...
	local dir=$1 name=$2 extensions=() e
	shift 2
	for e in "$@"; do
		extensions+=(-addext "$e")
	done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-subj "/CN=CE Agent test $name" -keyout "$dir/$name.key" -out "$dir/$name.crt" "${extensions[@]}"
}

_pki_ca() { # DIR NAME
	_pki_self "$1" "$2" basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign
}

_pki_leaf() { # DIR CA NAME EXTENSIONS [FROM TO: days from now]
	local dir=$1 ca=$2 name=$3 from to
	from=$(date -u -d "${5:--1} days" +%Y%m%d%H%M%SZ)
	to=$(date -u -d "${6:-29} days" +%Y%m%d%H%M%SZ)
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" || return 1
	# `openssl ca` because `openssl x509 -req` of OpenSSL 3.0 sets no start date.
	printf '%s\n' "$4" >"$dir/$name.ext"
	rm -rf "$dir/db" && mkdir "$dir/db" && : >"$dir/db/index"
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n' \
		"$dir/db/index" "$dir/db" >"$dir/db/conf"
	openssl ca -batch -notext -config "$dir/db/conf" -md sha256 -startdate "$from" -enddate "$to" \
		-cert "$dir/$ca.crt" -keyfile "$dir/$ca.key" -extfile "$dir/$name.ext" \
		-in "$dir/$name.csr" -out "$dir/$name.crt" || return 1
	rm -rf "$dir/db" "$dir/$name.csr" "$dir/$name.ext"
}

_pki_all() { # DIR
	local client='extendedKeyUsage=clientAuth' server='extendedKeyUsage=serverAuth'
	umask 077
	mkdir -p "$1" && _pki_ca "$1" ca && _pki_ca "$1" other-ca && _pki_self "$1" selfsigned basicConstraints=critical,CA:FALSE "$client" &&
		_pki_leaf "$1" ca server "$server"$'\nsubjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost' &&
		_pki_leaf "$1" ca client "$client" &&
		_pki_leaf "$1" ca client2 "$client" &&
		_pki_leaf "$1" ca expired "$client" -10 -1 &&
		_pki_leaf "$1" ca not-yet "$client" 1 10 &&
		_pki_leaf "$1" ca serverauth "$server" &&
		_pki_leaf "$1" other-ca stranger "$client"
}

pki_make() {
	local said
	said=$(_pki_all "$1" 2>&1) || {
		printf '%s\n' "$said" >&2
		return 1
	}
}

pki_pin() {
	printf 'SHA256:%s\n' "$(openssl x509 -in "$1" -outform DER | sha256sum | cut -d ' ' -f 1)"
}
