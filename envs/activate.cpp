#include "envs/activate.h"

namespace moat {

namespace {

constexpr std::string_view kSh =
    R"SH(# Made by moat. To be sourced, by sh, dash, bash or zsh:   . bin/activate
# `deactivate` puts everything back. The environment may have been moved since.

deactivate () {
    if [ -n "${_MOAT_OLD_PATH+set}" ]; then
        PATH=$_MOAT_OLD_PATH
        export PATH
        unset _MOAT_OLD_PATH
    fi
    if [ -n "${_MOAT_OLD_PYTHONHOME+set}" ]; then
        PYTHONHOME=$_MOAT_OLD_PYTHONHOME
        export PYTHONHOME
        unset _MOAT_OLD_PYTHONHOME
    fi
    if [ -n "${_MOAT_OLD_PS1+set}" ]; then
        PS1=$_MOAT_OLD_PS1
        unset _MOAT_OLD_PS1
    fi
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    hash -r 2> /dev/null || true
    if [ "${1-}" != nondestructive ]; then
        unset -f deactivate
    fi
}

# What another environment's script left.
deactivate nondestructive

if [ -n "${BASH_SOURCE-}" ]; then
    _moat_file=$BASH_SOURCE
elif [ -n "${ZSH_VERSION-}" ]; then
    eval '_moat_file=${(%):-%x}'
else
    _moat_file=
fi
if [ -n "$_moat_file" ]; then
    case $_moat_file in
        */*) _moat_file=${_moat_file%/*} ;;
        *) _moat_file=. ;;
    esac
    VIRTUAL_ENV=$(CDPATH= cd -- "$_moat_file/.." > /dev/null && pwd -P)
else
    VIRTUAL_ENV=@ROOT@
fi
unset _moat_file

if [ ! -f "$VIRTUAL_ENV/pyvenv.cfg" ]; then
    echo "activate: there is no environment at $VIRTUAL_ENV; was it moved? (moat shell --env PATH)" >&2
    unset VIRTUAL_ENV
    unset -f deactivate
    return 1
fi
export VIRTUAL_ENV

_MOAT_OLD_PATH=${PATH-}
PATH=$VIRTUAL_ENV/bin${PATH:+:$PATH}
export PATH

if [ -n "${PYTHONHOME+set}" ]; then
    _MOAT_OLD_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi

VIRTUAL_ENV_PROMPT=@PROMPT@
VIRTUAL_ENV_PROMPT=${VIRTUAL_ENV_PROMPT:-${VIRTUAL_ENV##*/}}
export VIRTUAL_ENV_PROMPT
if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ]; then
    _MOAT_OLD_PS1=${PS1-}
    # Shells evaluate what is in PS1.
    PS1="($(printf %s "$VIRTUAL_ENV_PROMPT" | tr '\\$`!%' '_____')) ${PS1-}"
fi

hash -r 2> /dev/null || true
)SH";

constexpr std::string_view kFish = R"FISH(# Made by moat. To be sourced by fish:   source bin/activate.fish
# `deactivate` puts everything back. The environment may have been moved since.

function deactivate -d 'Leave the environment'
    if set -q _MOAT_OLD_PATH
        set -gx PATH $_MOAT_OLD_PATH
        set -e _MOAT_OLD_PATH
    end
    if set -q _MOAT_OLD_PYTHONHOME
        set -gx PYTHONHOME $_MOAT_OLD_PYTHONHOME
        set -e _MOAT_OLD_PYTHONHOME
    end
    if functions -q _moat_old_fish_prompt
        functions -e fish_prompt
        functions -c _moat_old_fish_prompt fish_prompt
        functions -e _moat_old_fish_prompt
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end

# What another environment's script left.
deactivate nondestructive

set -gx VIRTUAL_ENV (realpath (dirname (status filename))/..)
set -g _MOAT_OLD_PATH $PATH
set -gx PATH $VIRTUAL_ENV/bin $PATH

if set -q PYTHONHOME
    set -g _MOAT_OLD_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

set -gx VIRTUAL_ENV_PROMPT @PROMPT@
if test -z "$VIRTUAL_ENV_PROMPT"
    set -gx VIRTUAL_ENV_PROMPT (basename $VIRTUAL_ENV)
end
if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _moat_old_fish_prompt
    function fish_prompt
        set -l status_before $status
        printf '(%s) ' $VIRTUAL_ENV_PROMPT
        # So that the old prompt sees the status of the command before it.
        function _moat_status -a value
            return $value
        end
        _moat_status $status_before
        _moat_old_fish_prompt
    end
end
)FISH";

// 'it'\''s': inside single quotes a POSIX shell evaluates nothing.
std::string quoted_for_sh(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

// fish knows two escapes inside single quotes: \' and \\.
std::string quoted_for_fish(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// The marks stand in the templates only; what is put in is never searched.
std::string filled(std::string_view text, std::string_view root, std::string_view prompt) {
  std::string out;
  while (!text.empty()) {
    const auto mark = text.find('@');
    out += text.substr(0, mark);
    if (mark == std::string_view::npos) break;
    text.remove_prefix(mark);
    if (text.starts_with("@ROOT@")) {
      out += root;
      text.remove_prefix(6);
    } else if (text.starts_with("@PROMPT@")) {
      out += prompt;
      text.remove_prefix(8);
    } else {
      out += '@';
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string activate_sh(const Activation& activation) {
  return filled(kSh, quoted_for_sh(activation.root), quoted_for_sh(activation.prompt));
}

std::string activate_fish(const Activation& activation) {
  return filled(kFish, quoted_for_fish(activation.root), quoted_for_fish(activation.prompt));
}

}  // namespace moat
