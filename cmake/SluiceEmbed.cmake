# sluice_embed_text(OUTPUT file.inc FILES a.v b.v)
# Writes one `{"name", R"(text)"},` per file at build time, for inclusion into an array's initialiser.
# Run as a script (-P) it does the writing.
if(CMAKE_SCRIPT_MODE_FILE)
  set(entries "")
  foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME)
    file(READ ${file} text)
    string(APPEND entries "{\"${name}\", R\"sluice(${text})sluice\"},\n")
  endforeach()
  file(WRITE ${OUTPUT} "${entries}")
  return()
endif()

set(SLUICE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(sluice_embed_text)
  cmake_parse_arguments(ARG "" "OUTPUT" "FILES" ${ARGN})
  string(REPLACE ";" "$<SEMICOLON>" files "${ARG_FILES}")
  add_custom_command(OUTPUT ${ARG_OUTPUT}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${ARG_OUTPUT} "-DFILES=${files}" -P ${SLUICE_EMBED_SCRIPT}
    DEPENDS ${ARG_FILES} ${SLUICE_EMBED_SCRIPT} VERBATIM)
endfunction()
