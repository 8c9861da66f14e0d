# SPDX-License-Identifier: Apache-2.0
target_link_libraries(plugin-postgres PRIVATE PkgConfig::PQ)
