# SPDX-License-Identifier: Apache-2.0
# install.cmake - what `cmake --install` puts where; nothing of it refers to where it was built.
#
#     bin/sluice                     finds the rest relative to itself
#     lib/sluice/plugins/            in C
#     lib/libsluice-sdk.a, include/sluice/, lib/pkgconfig/, lib/cmake/sluice/     for plugins of one's own
#     share/sluice/                  scripts, schemas, the manual, types for editors
#     share/man/, share/doc/sluice/, share/bash-completion/
#     lib/systemd/system/sluice.service
include(CMakePackageConfigHelpers)

install(TARGETS sluice)
install(TARGETS sdk ARCHIVE DESTINATION lib)
set_target_properties(sdk PROPERTIES OUTPUT_NAME sluice-sdk)

file(GLOB public_headers ${ENGINE}/sdk/*.h)
list(FILTER public_headers EXCLUDE REGEX "/sdk/json|_inside\\.h$") # plugins read documents through the host
install(FILES ${public_headers} DESTINATION include/sluice)
configure_file(contrib/sluice.pc.in ${CMAKE_BINARY_DIR}/sluice.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/sluice.pc DESTINATION lib/pkgconfig)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/sluice-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES contrib/sluice-config.cmake ${CMAKE_BINARY_DIR}/sluice-config-version.cmake
	DESTINATION lib/cmake/sluice)

foreach(folder scripts schemas docs/man docs/lua)
	install(DIRECTORY ${folder} DESTINATION share/sluice PATTERN "test_*" EXCLUDE PATTERN "*.test.lua" EXCLUDE
		PATTERN "golden" EXCLUDE PATTERN "__pycache__" EXCLUDE)
endforeach()
file(GLOB papers docs/*.md)
install(FILES README.md SECURITY.md ${papers} contrib/nginx.conf DESTINATION share/doc/sluice)
install(DIRECTORY docs/decisions examples DESTINATION share/doc/sluice PATTERN "*.so" EXCLUDE)
install(CODE "execute_process(COMMAND_ERROR_IS_FATAL ANY COMMAND ${CMAKE_SOURCE_DIR}/contrib/papers
	$<TARGET_FILE:sluice> ${CMAKE_SOURCE_DIR}/docs/man \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share)")

# The unit names the program by its path.
install(CODE "file(READ ${CMAKE_SOURCE_DIR}/contrib/sluice.service unit)
	string(REPLACE /usr/local/bin \${CMAKE_INSTALL_PREFIX}/bin unit \"\${unit}\")
	file(WRITE \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/sluice.service \"\${unit}\")")
