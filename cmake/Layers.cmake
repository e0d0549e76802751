# add_layer(NAME USES <layers|NONE> [LIBRARIES <targets>] [HIDDEN <targets>]): the static library
# trinity_NAME from src/NAME, which may include headers of the layers it uses. HIDDEN are libraries
# that whoever uses the layer is not compiled with.
function(add_layer name)
  cmake_parse_arguments(LAYER "" "" "USES;LIBRARIES;HIDDEN" ${ARGN})
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
  if(LAYER_HIDDEN)
    target_link_libraries(trinity_${name} PRIVATE ${LAYER_HIDDEN})
  endif()
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
  # By which ranks tell whether they are the same program.
  target_link_options(${name} PRIVATE LINKER:--build-id=sha1)
  target_compile_definitions(${name} PRIVATE TRINITY_VERSION="${PROJECT_VERSION}"
    TRINITY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endfunction()
