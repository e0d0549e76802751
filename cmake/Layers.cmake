# add_layer(NAME USES <layers|NONE> [LIBRARIES <targets>]): the static library trinity_NAME from
# src/NAME, which may include headers of the layers it uses.
function(add_layer name)
  cmake_parse_arguments(LAYER "" "" "USES;LIBRARIES" ${ARGN})
  list(REMOVE_ITEM LAYER_USES NONE)
  list(TRANSFORM LAYER_USES PREPEND trinity_)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  if(sources)
    add_library(trinity_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(trinity_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(trinity_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(trinity_${name} ${scope} ${LAYER_USES} ${LAYER_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY TRINITY_LAYERS trinity_${name})
endfunction()

# add_program(NAME FOLDER [LIBRARIES <targets>]): the executable NAME from src/FOLDER, over all
# layers.
function(add_program name folder)
  cmake_parse_arguments(PROGRAM "" "" "LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
  get_property(layers GLOBAL PROPERTY TRINITY_LAYERS)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${layers} ${PROGRAM_LIBRARIES})
  target_compile_definitions(${name} PRIVATE TRINITY_VERSION="${PROJECT_VERSION}"
    TRINITY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endfunction()
