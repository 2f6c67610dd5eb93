#include "envs/environment/activate.h"

#include "envs/environment/shell_words.h"

namespace moat {

namespace {

constexpr std::string_view kSh =
    R"SH(# Made by moat. To be sourced, by bash, zsh, dash, ksh or sh:   . bin/activate
# `deactivate` puts everything back. What it keeps has the names that venv gives it, so that the scripts of both take
# back what the other did.

# Where this file lies: the environment may have been moved or copied. dash, mksh, busybox and zsh keep a file open while
# they read it; bash and ksh do not, but tell its name.
_moat_root=
IFS=' ' read -r _moat_pid _moat_file 2> /dev/null < /proc/self/stat || _moat_pid=
_moat_fd=3
while [ -n "$_moat_pid" ] && [ "$_moat_fd" -lt 64 ]; do
    if [ -f "/proc/self/fd/$_moat_fd" ]; then
        _moat_file=$(command readlink -f -- "/proc/$_moat_pid/fd/$_moat_fd" && echo x) || _moat_file=
        _moat_file=${_moat_file%?x}
        case $_moat_file in
            "$_moat_root") ;;
            */bin/activate) _moat_root=${_moat_root:+several }$_moat_file ;;
        esac
    fi
    _moat_fd=$((_moat_fd + 1))
done
if [ -z "$_moat_root" ]; then
    if [ -n "${BASH_VERSION-}" ]; then
        _moat_file=${BASH_SOURCE-}
    else
        _moat_file=$(eval 'printf %s "${.sh.file}"' 2> /dev/null) ||
            _moat_file=$(eval 'printf %s "${(%):-%x}"' 2> /dev/null) || _moat_file=
    fi
    if [ -f "$_moat_file" ]; then
        _moat_root=$(command readlink -f -- "$_moat_file" && echo x) || _moat_root=
        _moat_root=${_moat_root%?x}
    fi
fi
case $_moat_root in
    /*/bin/activate) _moat_root=${_moat_root%/bin/activate} ;;
    *) _moat_root= ;;
esac
unset _moat_file _moat_fd _moat_pid
if [ -z "$_moat_root" ]; then
    echo "activate: cannot find out where this script is; nothing changed (try: moat shell --env PATH)" >&2
    unset _moat_root
    return 1
fi
if [ ! -f "$_moat_root/pyvenv.cfg" ]; then
    echo "activate: no environment at $_moat_root; nothing changed" >&2
    unset _moat_root
    return 1
fi
case $_moat_root in
    *:*)
        echo "activate: $_moat_root cannot be on PATH because it contains a colon; nothing changed" >&2
        unset _moat_root
        return 1 ;;
esac

# An environment that is active, of whatever tool.
if [ -n "${VIRTUAL_ENV-}" ] && [ "$(command -v deactivate)" = deactivate ]; then
    deactivate nondestructive || true
fi
_moat_left=${VIRTUAL_ENV-}
unalias deactivate 2> /dev/null || true

deactivate () {
    if [ -n "${_OLD_VIRTUAL_PATH+set}" ]; then
        PATH=$_OLD_VIRTUAL_PATH
        export PATH
        unset _OLD_VIRTUAL_PATH
    fi
    if [ -n "${_OLD_VIRTUAL_PYTHONHOME+set}" ]; then
        PYTHONHOME=$_OLD_VIRTUAL_PYTHONHOME
        export PYTHONHOME
        unset _OLD_VIRTUAL_PYTHONHOME
    fi
    if [ -n "${_OLD_VIRTUAL_PS1+set}" ]; then
        PS1=$_OLD_VIRTUAL_PS1
        unset _OLD_VIRTUAL_PS1
    fi
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    hash -r 2> /dev/null || true
    if [ "${1-}" != nondestructive ]; then
        unset -f deactivate
    fi
}
deactivate nondestructive

# Activated by the program that started this shell, which has no `deactivate` for it.
if [ -n "$_moat_left" ]; then
    _moat_path=:${PATH-}:
    while :; do
        case $_moat_path in
            *":$_moat_left/bin:"*)
                _moat_path=${_moat_path%%":$_moat_left/bin:"*}:${_moat_path#*":$_moat_left/bin:"} ;;
            *) break ;;
        esac
    done
    _moat_path=${_moat_path#:}
    PATH=${_moat_path%:}
    unset _moat_path
fi

VIRTUAL_ENV=$_moat_root
export VIRTUAL_ENV
unset _moat_root _moat_left

_OLD_VIRTUAL_PATH=${PATH-}
PATH=$VIRTUAL_ENV/bin${PATH:+:$PATH}
export PATH

if [ -n "${PYTHONHOME+set}" ]; then
    _OLD_VIRTUAL_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi

VIRTUAL_ENV_PROMPT=@PROMPT@
VIRTUAL_ENV_PROMPT=${VIRTUAL_ENV_PROMPT:-${VIRTUAL_ENV##*/}}
export VIRTUAL_ENV_PROMPT
if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ]; then
    _OLD_VIRTUAL_PS1=${PS1-}
    # Shells evaluate what is in PS1: no $ ` ! % \ and no control characters.
    PS1="($(printf %s "$VIRTUAL_ENV_PROMPT" | command tr '\001-\037\177$`!%\\' '[_*]')) ${PS1-}"
fi

hash -r 2> /dev/null || true
)SH";

constexpr std::string_view kFish = R"FISH(# Made by moat. To be sourced by fish:   source bin/activate.fish
# `deactivate` puts everything back. What it keeps has the names that venv gives it, so that the scripts of both take
# back what the other did.

# The environment may have been moved or copied. (-z: a path may hold a line end.)
set -l _moat_root (realpath -z -- (status filename | string collect) | string split0)
set _moat_root (realpath -z -- (dirname -z -- $_moat_root | string split0)/.. | string split0)
if not test -f "$_moat_root/pyvenv.cfg"
    echo "activate.fish: no environment at $_moat_root; nothing changed" >&2
    return 1
end
if string match -q '*:*' -- $_moat_root
    echo "activate.fish: $_moat_root cannot be on PATH because it contains a colon; nothing changed" >&2
    return 1
end

# An environment that is active, of whatever tool.
if test -n "$VIRTUAL_ENV"; and functions -q deactivate
    deactivate nondestructive
end
set -l _moat_left $VIRTUAL_ENV

function deactivate -d 'Leave the environment'
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    set -e _OLD_FISH_PROMPT_OVERRIDE
    if functions -q _old_fish_prompt
        functions -e fish_prompt
        functions -c _old_fish_prompt fish_prompt
        functions -e _old_fish_prompt
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end
deactivate nondestructive

# Activated by the program that started this shell, which has no `deactivate` for it.
if test -n "$_moat_left"
    set -l kept
    for folder in $PATH
        test "$folder" = "$_moat_left/bin"; or set -a kept $folder
    end
    set -gx PATH $kept
end

set -gx VIRTUAL_ENV $_moat_root
set -g _OLD_VIRTUAL_PATH $PATH
set -gx PATH $VIRTUAL_ENV/bin $PATH

if set -q PYTHONHOME
    set -g _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

set -gx VIRTUAL_ENV_PROMPT @PROMPT@
if test -z "$VIRTUAL_ENV_PROMPT"
    set -gx VIRTUAL_ENV_PROMPT (basename -z -- $VIRTUAL_ENV | string split0)
end
if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _old_fish_prompt
    function fish_prompt
        set -l status_before $status
        printf '(%s) ' (string replace -ar '[\x01-\x1f\x7f]' _ -- $VIRTUAL_ENV_PROMPT | string collect)
        # So that the old prompt sees the status of the command before it.
        function _moat_status -a value
            return $value
        end
        _moat_status $status_before
        _old_fish_prompt
    end
    set -g _OLD_FISH_PROMPT_OVERRIDE $VIRTUAL_ENV
end
)FISH";

constexpr std::string_view kCsh =
    R"CSH(# Made by moat. To be sourced by tcsh or csh:   source bin/activate.csh
# `deactivate` puts everything back. What it keeps has the names that venv gives it, so that the scripts of both take
# back what the other did.

# Where this file lies: the environment may have been moved or copied. csh does not tell; but the file is open.
set _moat_root = ""
foreach _moat_fd (/proc/$$/fd/*)
    set _moat_file = "`readlink -f $_moat_fd`"
    if ($#_moat_file == 1) then
        if ("$_moat_file" =~ */bin/activate.csh && -f "$_moat_file:h/../pyvenv.cfg") then
            set _moat_bin = "$_moat_file:h"
            if ("$_moat_root" != "" && "$_moat_root" != "$_moat_bin:h") then
                set _moat_root = ":"
            else
                set _moat_root = "$_moat_bin:h"
            endif
        endif
    endif
end
unset _moat_fd _moat_file _moat_bin

if ("$_moat_root" != "" && "$_moat_root" !~ *:*) then
    # An environment that is active, of whatever tool.
    if ($?VIRTUAL_ENV) then
        if ("`alias deactivate`" != "") then
            deactivate nondestructive
        endif
    endif
    set _moat_left = ""
    if ($?VIRTUAL_ENV) then
        set _moat_left = "$VIRTUAL_ENV"
    endif

    alias deactivate 'test $?_OLD_VIRTUAL_PATH != 0 && setenv PATH "$_OLD_VIRTUAL_PATH" && unset _OLD_VIRTUAL_PATH; rehash; test $?_OLD_VIRTUAL_PYTHONHOME != 0 && setenv PYTHONHOME "$_OLD_VIRTUAL_PYTHONHOME" && unset _OLD_VIRTUAL_PYTHONHOME; test $?_OLD_VIRTUAL_PROMPT != 0 && set prompt="$_OLD_VIRTUAL_PROMPT" && unset _OLD_VIRTUAL_PROMPT; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; test "\!:*" != nondestructive && unalias deactivate'
    deactivate nondestructive

    # Activated by the program that started this shell, which has no `deactivate` for it.
    if ("$_moat_left" != "") then
        set _moat_path = ()
        foreach _moat_folder ($path:q)
            if ("$_moat_folder" != "$_moat_left/bin") set _moat_path = ($_moat_path:q "$_moat_folder")
        end
        set path = ($_moat_path:q)
        unset _moat_path _moat_folder
    endif

    setenv VIRTUAL_ENV "$_moat_root"
    set _OLD_VIRTUAL_PATH = "$PATH"
    setenv PATH "$VIRTUAL_ENV/bin:$PATH"

    if ($?PYTHONHOME) then
        set _OLD_VIRTUAL_PYTHONHOME = "$PYTHONHOME"
        unsetenv PYTHONHOME
    endif

    setenv VIRTUAL_ENV_PROMPT @PROMPT@
    if ("$VIRTUAL_ENV_PROMPT" == "") setenv VIRTUAL_ENV_PROMPT "$_moat_root:t"
    if (! $?VIRTUAL_ENV_DISABLE_PROMPT && $?prompt) then
        set _OLD_VIRTUAL_PROMPT = "$prompt"
        # csh evaluates what is in the prompt: no $ ` ! % \ and no control characters.
        set prompt = "(`printenv VIRTUAL_ENV_PROMPT | tr '\001-\011\013-\037\177\044\140\041\045\134' '[_*]'`) $prompt"
    endif
    rehash
    unset _moat_left _moat_root
endif
# The status of the last command is the script's.
test $?_moat_root = 0 || sh -c 'echo "activate.csh: this script is not in an environment that can be activated; nothing changed (try: moat shell --env PATH)" >&2; exit 1'
)CSH";

// Only the template is searched for the mark, never the inserted text.
std::string filled(std::string_view text, std::string_view prompt) {
  constexpr std::string_view kMark = "@PROMPT@";
  const auto mark = text.find(kMark);
  return std::string(text.substr(0, mark)) + std::string(prompt) +
         std::string(text.substr(mark + kMark.size()));
}

}  // namespace

std::string activate_sh(std::string_view prompt) { return filled(kSh, quoted_for_sh(prompt)); }
std::string activate_fish(std::string_view prompt) { return filled(kFish, quoted_for_fish(prompt)); }
std::string activate_csh(std::string_view prompt) { return filled(kCsh, quoted_for_csh(prompt)); }

}  // namespace moat
