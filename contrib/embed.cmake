# SPDX-License-Identifier: Apache-2.0
# embed.cmake - files as C arrays, so that the binary carries them:
#     cmake -D OUT=carried.c -D FILES="templates/Makefile=/path/of/Makefile;..." -P embed.cmake
# Each of FILES is NAME=PATH; NAME is what main/carried.h finds it by.
set(arrays "")
set(rows "")
set(number 0)
foreach(pair ${FILES})
	string(FIND "${pair}" "=" at)
	string(SUBSTRING "${pair}" 0 ${at} name)
	math(EXPR at "${at} + 1")
	string(SUBSTRING "${pair}" ${at} -1 path)
	file(READ "${path}" bytes HEX)
	string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
	string(APPEND arrays "static const unsigned char file_${number}[] = {\n${bytes}0\n};\n")
	string(APPEND rows "\t{ \"${name}\", { (const char *)file_${number}, sizeof(file_${number}) - 1 } },\n")
	math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "/* Made by embed.cmake; not to be edited. */\n#include \"main/carried.h\"\n\n${arrays}\n"
	"const struct carried carried[] = {\n${rows}\t{ 0 },\n};\n")
