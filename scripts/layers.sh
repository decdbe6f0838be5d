#!/bin/bash
# scripts/layers.sh [BUILD]: do the modules keep to the table runtime/layers? Reads their #include
# lines and, for who prints and who keeps state, the symbols of their objects in BUILD (build).
# Prints a line for each offence; the exit status is 1 where there is one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

table=runtime/layers
# What a module calls, or names, that prints to a person.
printer='^(stdout|stderr|(__)?v?printf(_chk)?|puts|putchar|perror|v?(err|warn)x?|psignal|v?syslog) *$'

# Every symbol of every module as OBJECT:NAME|VALUE|CLASS|TYPE|SIZE|LINE|SECTION (nm -f sysv).
symbols() {
	local source object

	for source in runtime/*.c; do
		object=$1/$(basename "$source" .c).o
		[[ $object -nt $source ]] || die "$object is missing or old: run make first"
		nm -A -f sysv "$object"
	done
}

build=$(realpath -m -- "${1:-$checkout/build}")
cd "$checkout"
found=$(symbols "$build")

awk -v table="$table" -v printer="$printer" '
	function complain(text) {
		print text
		failed = 1
	}

	# "include/net.h" is of module net; a command may be any cmd_*.
	function module_of(file) {
		sub(/.*\//, "", file)
		sub(/\.[cho]$/, "", file)
		return file ~ /^cmd_/ && !(file in layer_of) ? "cmd_*" : file
	}

	FILENAME == table {
		sub(/#.*/, "")
		if (split($0, side, ":") < 2)
			next
		split(side[1], left, " ")
		count = split(side[2], right, " ")
		if (left[1] == "layer") {
			layer = left[2]
			for (i = 1; i <= count; i++)
				below[layer, right[i]]
		} else if (left[1] == "library") {
			libraries[left[2]]
			for (i = 1; i <= count; i++)
				allowed[right[i], "<" left[2]]
		} else {
			layer_of[left[1]] = layer
			header[left[1]] = left[2] ? substr(left[2], 2, length(left[2]) - 2) : left[1] ".h"
			for (i = 1; i <= count; i++)
				allowed[left[1], right[i]]
		}
		next
	}

	FILENAME != "-" && FNR == 1 {
		module = module_of(FILENAME)
		files[FILENAME]
		modules[module]
		if (!(module in layer_of))
			complain(FILENAME ": " module " is not in " table)
	}

	FILENAME != "-" && !(module in layer_of) {
		next
	}

	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		other = module_of(part[2])
		where = FILENAME ":" FNR ": " module " may not include " part[2]
		if (other == module)
			next
		used[module, other]
		if (!(other in layer_of))
			complain(where ": it is not in " table)
		else if (layer_of[other] == layer_of[module]) {
			if (!((module, other) in allowed))
				complain(where ", of its own layer " layer_of[other])
		} else if (!((layer_of[module], layer_of[other]) in below))
			complain(where ": layer " layer_of[module] " knows no layer " layer_of[other])
	}

	/^[ \t]*#[ \t]*include[ \t]*</ {
		name = module == "cmd_*" ? substr(FILENAME, 9, length(FILENAME) - 10) : module
		sub(/^[^<]*/, "")
		for (library in libraries) {
			if (index($0, "<" library) != 1)
				continue
			used[name, "<" library]
			if (!((name, "<" library) in allowed))
				complain(FILENAME ":" FNR ": " name " may not include " $0)
		}
	}

	# The symbols.
	FILENAME == "-" {
		split($0, field, "|")
		split(field[1], part, ":")
		module = module_of(part[1])
		sub(/.*\//, "runtime/", part[1])
		sub(/o$/, "c", part[1])
		if (!(module in layer_of))
			next
		if (field[4] ~ /OBJECT|TLS/ && field[7] ~ /^(\.t?data|\.t?bss|\*COM)/ &&
		    field[7] !~ /^\.data\.rel\.ro/)
			complain(part[1] ": may not keep state: " part[2])
		if (field[3] ~ /U/ && layer_of[module] != "commands" && part[2] ~ printer)
			complain(part[1] ": may not print: " part[2])
	}

	END {
		for (pair in allowed)
			if (!(pair in used)) {
				split(pair, part, SUBSEP)
				complain(table ": " part[1] " does not include " part[2])
			}
		for (module in layer_of)
			if (!(module in modules))
				complain(table ": there is no module " module)
		for (file in files)
			if (file ~ /\.c$/ && module_of(file) in layer_of &&
			    !("include/" header[module_of(file)] in files))
				complain(file ": there is no include/" header[module_of(file)])
		exit failed
	}' "$table" runtime/*.c include/*.h - <<<"$found"
