# The index asked when the user names none. It is a fact of the build, never of the source: by default
# what the build machine's pip uses (its configured index-url, else pip's own built-in default).
set(MOAT_DEFAULT_INDEX "" CACHE STRING "URL of the Simple index that moat asks when none is configured")

if(NOT MOAT_DEFAULT_INDEX)
  set(ask_pip [[
import subprocess, sys
found = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True).stdout.strip()
if not found:
    from pip._internal.models.index import PyPI
    found = PyPI.simple_url
print(found)
]])
  foreach(python python3 /usr/bin/python3)
    if(NOT MOAT_DEFAULT_INDEX)
      execute_process(COMMAND ${python} -c "${ask_pip}" OUTPUT_VARIABLE answer ERROR_QUIET
                      OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
      if(NOT failed AND answer)
        set(MOAT_DEFAULT_INDEX "${answer}" CACHE STRING "" FORCE)
      endif()
    endif()
  endforeach()
endif()
if(NOT MOAT_DEFAULT_INDEX)
  message(FATAL_ERROR "no default index: there is no pip here to ask; set MOAT_DEFAULT_INDEX "
                      "(cmake -DMOAT_DEFAULT_INDEX=https://…/simple/ …)")
endif()
if(MOAT_DEFAULT_INDEX MATCHES "://[^/]*@")
  set(MOAT_DEFAULT_INDEX "" CACHE STRING "" FORCE)
  message(FATAL_ERROR "MOAT_DEFAULT_INDEX holds credentials, and would carry them into every binary; "
                      "give a URL without user and password (netrc is honoured at run time)")
endif()
