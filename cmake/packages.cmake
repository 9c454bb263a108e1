# SPDX-License-Identifier: Apache-2.0
# Debian 12's packages as imported targets. Everything but libc and libm is linked from static archives, so that
# the program is one file to copy.
function(qalam_package name)
  cmake_parse_arguments(P "" "" "LIBS" ${ARGN})
  add_library(qalam_pkg_${name} INTERFACE)
  target_link_libraries(qalam_pkg_${name} INTERFACE ${P_LIBS})
  add_library(qalam::${name} ALIAS qalam_pkg_${name})
endfunction()

qalam_package(fmt)     # compiled once in core/fmt.cc: Debian ships no static archive of it
qalam_package(spdlog)  # header-only, in core/log.cc alone
target_compile_definitions(qalam_pkg_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
qalam_package(json)
qalam_package(cli11)
qalam_package(boost)
qalam_package(eigen)
target_include_directories(qalam_pkg_eigen SYSTEM INTERFACE /usr/include/eigen3)
qalam_package(yaml LIBS libyaml.a)
qalam_package(re2 LIBS libre2.a Threads::Threads)
qalam_package(zlib LIBS libz.a)
qalam_package(sqlite LIBS libsqlite3.a m dl Threads::Threads)

# gRPC 1.51: the names pkg-config gives for a static link, less those of libc itself.
find_package(PkgConfig REQUIRED)
execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --static --libs grpc++ OUTPUT_VARIABLE grpc_flags
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(grpc_flags)
set(grpc_archives libgrpc++_reflection.a libprotobuf.a)
foreach(flag IN LISTS grpc_flags)
  if(flag MATCHES "^-l" AND NOT flag MATCHES "^-l(pthread|m|rt|dl|c|atomic|systemd)$")
    string(REGEX REPLACE "^-l(.+)$" "lib\\1.a" archive ${flag})
    list(APPEND grpc_archives ${archive})
  endif()
endforeach()
list(REMOVE_DUPLICATES grpc_archives)
qalam_package(grpc LIBS -Wl,--start-group ${grpc_archives} -Wl,--end-group Threads::Threads dl)
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
