/** The name by which shells find the program. */
const program = 'kubectl-image_puller';

/**
 * In each shell the program is asked with the words so far, of which the last is the one to complete.
 * It answers as kubectl's completion does: lines of a candidate, a tab and its description, then a
 * colon and a number, of which 4 says that files are no candidates.
 */
export const scripts: Readonly<Record<string, string>> = {
  bash: `_kubectl_image_puller() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :4) ;;
      :*) compopt -o default ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _kubectl_image_puller ${program}
`,
  zsh: `#compdef ${program}
_kubectl_image_puller() {
  local line files=
  local -a candidates
  for line in \${(f)"$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
    case $line in
      :4) ;;
      :*) files=1 ;;
      *) candidates+=("\${\${line//:/\\\\:}/$'\\t'/:}") ;;
    esac
  done
  if [[ -n $files ]]; then _files; else _describe -t candidates candidate candidates; fi
}
compdef _kubectl_image_puller ${program}
`,
  fish: `function __kubectl_image_puller
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete $words[2..] 2>/dev/null)
    if test "$lines[-1]" = ":4"
        printf '%s\\n' $lines[1..-2]
    else
        __fish_complete_path $words[-1]
    end
end
complete -c ${program} -f -a '(__kubectl_image_puller)'
`,
};
