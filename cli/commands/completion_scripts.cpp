#include "cli/commands/completion_scripts.h"

namespace moat {
namespace {

// clang-format off
// A line is WORD, TAB, HELP; or says that files or folders may be completed.
constexpr std::string_view kBash = R"sh(# moat's words in bash: eval "$(moat completion bash)"
_moat() {
  local words=() word glue='' line i cur kind
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    # bash takes --env=lab apart at the = (and a: at the colon).
    if [[ $word == [=:] || -n $glue ]] && ((${#words[@]})); then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    [[ $word == [=:] ]] && glue=1 || glue=''
  done
  [[ ${COMP_WORDS[0]##*/} == moatx ]] && words=(tool run "${words[@]}")
  cur=${words[-1]}
  # Only what stands behind the last = or : is replaced.
  local cut=${cur%"${cur##*[=:]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    line=${line%%$'\t'*}
    case $line in
      :files | :folders)
        compopt -o filenames 2>/dev/null
        kind=-f
        [[ $line == :folders ]] && kind=-d
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$kind" -- "${cur#"$cut"}")
        ;;
      *) COMPREPLY+=("${line#"$cut"}") ;;
    esac
  done < <(command moat completion bash -- "${words[@]}" 2>/dev/null)
}
complete -F _moat moat moatx
)sh";

constexpr std::string_view kZsh = R"sh(#compdef moat moatx
# moat's words in zsh: eval "$(moat completion zsh)" behind compinit, or this text as _moat in a folder of fpath
_moat() {
  local -a typed found
  local line
  typed=("${(@Q)words[2,CURRENT]}")
  [[ ${words[1]:t} == moatx ]] && typed=(tool run "${typed[@]}")
  while IFS= read -r line; do
    case $line in
      :files) _files ;;
      :folders) _files -/ ;;
      *$'\t'*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      *) found+=("${line//:/\\:}") ;;
    esac
  done < <(command moat completion zsh -- "${typed[@]}" 2>/dev/null)
  (( $#found )) && _describe -V moat found
}
if [[ ${funcstack[1]} == _moat ]]; then
  _moat "$@"
else
  compdef _moat moat moatx
fi
)sh";

constexpr std::string_view kFish = R"sh(# moat's words in fish: moat completion fish > ~/.config/fish/completions/moat.fish
function __moat_complete
    set -l typed (commandline -opc) (commandline -ct)
    set -l program (string replace -r '.*/' '' -- $typed[1])
    set -e typed[1]
    test "$program" = moatx; and set -p typed tool run
    command moat completion fish -- $typed 2>/dev/null | while read -l line
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct) ''
            case '*'
                echo $line
        end
    end
end
complete -c moat -f -a '(__moat_complete)'
complete -c moatx -f -a '(__moat_complete)'
)sh";
// clang-format on

}  // namespace

std::string_view completion_script(std::string_view shell) {
  return shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish;
}

}  // namespace moat
