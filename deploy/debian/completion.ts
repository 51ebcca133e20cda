/** Completion for bash, made of the commands and options that the program has. In: the program. Out: a file for /usr/share/bash-completion. */
import type { Command } from 'commander';

export function renderCompletion(program: Command): string {
  const commands = program.commands.map((command) => command.name());
  const cases = program.commands.map((command) => {
    const options = [...command.options, ...program.options].flatMap(({ long }) => long ?? []);
    const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
    const files = command.registeredArguments.length > choices.length || command.options.some(({ required }) => required);
    return `    ${command.name()}) words='${[...options, '--help', ...choices].join(' ')}' files=${files ? 1 : 0} ;;\n`;
  });
  return `# bash completion for lotus-e2ee-watch

_lotus_e2ee_watch() {
  local current=\${COMP_WORDS[COMP_CWORD]} command='' words='' files=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in -*) ;; *) command=\${COMP_WORDS[i]}; break ;; esac
  done
  case $command in
    '' | help) words='${[...commands, 'help', '--help', '--version'].join(' ')}' ;;
${cases.join('')}  esac
  COMPREPLY=()
  while IFS='' read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$current")
  if [[ $files = 1 && $current != -* ]]; then
    while IFS='' read -r i; do COMPREPLY+=("$i"); done < <(compgen -f -- "$current")
  fi
}
complete -o filenames -F _lotus_e2ee_watch lotus-e2ee-watch
`;
}
