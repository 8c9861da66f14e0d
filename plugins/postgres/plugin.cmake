# SPDX-License-Identifier: Apache-2.0
pkg_check_modules(POSTGRES REQUIRED IMPORTED_TARGET libpq>=14)
target_link_libraries(plugin-postgres PRIVATE PkgConfig::POSTGRES)
