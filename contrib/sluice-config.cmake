# SPDX-License-Identifier: Apache-2.0
# sluice-config.cmake - plugins in C out of a tree of their own:
#
#     find_package(sluice REQUIRED)
#     sluice_plugin(stamp stamp.c)        # makes stamp.so
#
# sluice::sdk has the headers ("plugin.h"; "sign.h", "time.h", "text.h", "far.h"; for sinks "fold.h",
# "tables.h", "pile.h") and what is behind them.
get_filename_component(_sluice_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET sluice::sdk)
	add_library(sluice::sdk STATIC IMPORTED)
	# Only "time.h" is ours; <time.h> stays the system's.
	set_target_properties(sluice::sdk PROPERTIES IMPORTED_LOCATION "${_sluice_prefix}/lib/libsluice-sdk.a"
		INTERFACE_COMPILE_OPTIONS "-iquote${_sluice_prefix}/include/sluice")
	find_library(SLUICE_CRYPTO crypto)
	if(SLUICE_CRYPTO) # sign.h needs it
		set_property(TARGET sluice::sdk PROPERTY INTERFACE_LINK_LIBRARIES ${SLUICE_CRYPTO})
	endif()
endif()

function(sluice_plugin name)
	add_library(${name} MODULE ${ARGN})
	set_target_properties(${name} PROPERTIES PREFIX "" C_STANDARD 11 C_EXTENSIONS ON C_VISIBILITY_PRESET hidden)
	target_link_libraries(${name} PRIVATE sluice::sdk)
	target_link_options(${name} PRIVATE -Wl,--as-needed -Wl,--exclude-libs,ALL)
endfunction()

set(SLUICE_PLUGIN_FOLDER "${_sluice_prefix}/lib/sluice/plugins")
