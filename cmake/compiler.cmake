# How our own targets are compiled. Third-party headers come in as SYSTEM and are not held to this.

find_program(MOAT_MOLD mold)
if(MOAT_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(MOAT_CCACHE ccache)
if(MOAT_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${MOAT_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MOAT_CCACHE})
endif()

if(MOAT_SANITIZE)
  add_compile_options(-fsanitize=${MOAT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MOAT_SANITIZE})
endif()

# Coverage is what steers a fuzzer; without it in the libraries there is nothing to go by.
if(MOAT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# -Wnull-dereference is left out: false alarms at -O2. Missing initialisers: designated ones leave defaults on purpose.
set(MOAT_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wformat=2 -Wundef
    -Wimplicit-fallthrough -Wno-missing-field-initializers)
set(MOAT_CXX_WARNINGS -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi)
set(MOAT_GNU_WARNINGS -Wduplicated-cond -Wduplicated-branches -Wlogical-op)

# moat_target(NAME) gives a target of ours its warnings and the include root of the repository.
function(moat_target name)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_options(
    ${name}
    PRIVATE ${MOAT_WARNINGS}
            $<$<COMPILE_LANGUAGE:CXX>:${MOAT_CXX_WARNINGS}>
            $<$<CXX_COMPILER_ID:GNU>:${MOAT_GNU_WARNINGS}>
            $<$<BOOL:${MOAT_WERROR}>:-Werror>
            $<$<CONFIG:Debug>:-D_GLIBCXX_ASSERTIONS>)
endfunction()

# moat_room(FOLDER LINKS TARGET… USES TARGET… SOURCES FILE…): the library of one folder, moat_fetch_os of fetch/os, and
# its alias moat::fetch_os. LINKS: rooms that its headers include; USES: what only its sources know.
function(moat_room folder)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "LINKS;USES;SOURCES")
  string(REPLACE "/" "_" name ${folder})
  add_library(moat_${name} STATIC ${room_SOURCES})
  add_library(moat::${name} ALIAS moat_${name})
  moat_target(moat_${name})
  target_link_libraries(moat_${name} PUBLIC ${room_LINKS} PRIVATE ${room_USES})
endfunction()

# moat_whole_room(NAME TARGET…): all of its folders, moat::fetch.
function(moat_whole_room name)
  add_library(moat_${name} INTERFACE)
  add_library(moat::${name} ALIAS moat_${name})
  target_link_libraries(moat_${name} INTERFACE ${ARGN})
endfunction()
