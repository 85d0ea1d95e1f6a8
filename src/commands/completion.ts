import type { Command, Option } from "commander";
import { exitCodes } from "../pipeline/errors.ts";
import { type CommandWords, commandNamed, commandsOf, readWords } from "./command-words.ts";
import { printLine } from "./output.ts";

// Completion: a shell script calls the hidden command `__complete` with the words so far.

const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** Stands for file names, which the shell completes best itself. */
const files = ":files";

const scripts: Readonly<Record<Shell, string>> = {
  // Bash splits words at = and :, and replaces only what follows the last one.
  bash: `_tu_analyze() {
  local IFS=$'\\n' line="\${COMP_LINE:0:COMP_POINT}" rest word char typed="" index last=-1
  local -a words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    rest="\${line#"\${line%%[![:space:]]*}"}"
    word="\${COMP_WORDS[index]}"
    if ((index == COMP_CWORD)); then word="$rest"; fi
    if ((index == 0)) || [[ "$rest" != "$line" ]]; then last=$((last + 1)); fi
    words[last]="\${words[last]-}$word"
    line="\${rest#"$word"}"
  done
  for char in = :; do
    rest="\${words[last]##*"$char"}"
    word="\${words[last]%"$rest"}"
    if [[ "$COMP_WORDBREAKS" == *"$char"* ]] && ((\${#word} > \${#typed})); then typed="$word"; fi
  done
  COMPREPLY=()
  while read -r word; do
    case "$word" in
      ${files}) compopt -o default 2>/dev/null;;
      ?*) COMPREPLY+=("\${word#"$typed"}");;
    esac
  done < <(tu-analyze __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _tu_analyze tu-analyze`,
  // A file in fpath is the function of its own name, and runs for the first time at the first Tab.
  zsh: `#compdef tu-analyze
_tu-analyze() {
  local -a found
  found=("\${(@f)$(tu-analyze __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${found[(I)${files}]} )); then
    if [[ "$PREFIX" == --*=* ]]; then compset -P 1 '*='; fi
    _files
  else
    compadd -- \${found:#}
  fi
}
if [[ "\${funcstack[1]-}" == _tu-analyze ]]; then
  _tu-analyze "$@"
else
  (( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit; }
  compdef _tu-analyze tu-analyze
fi`,
  fish: `function __tu_analyze_complete
  set -l word (commandline -ct)
  set -l words (commandline -opc) "$word"
  set -l option (string match -r -- '^--[^=]+=' "$word")
  for found in (tu-analyze __complete -- $words[2..-1] 2>/dev/null)
    if test "$found" = "${files}"
      for file in (__fish_complete_path (string replace -- "$option" "" "$word"))
        echo "$option$file"
      end
    else
      echo $found
    end
  end
end
complete -c tu-analyze -f -a "(__tu_analyze_complete)"`,
};

export function completionCommand(shell: Shell): number {
  printLine(scripts[shell]);
  return exitCodes.done;
}

/** Prints the candidates for the last word, one per line. */
export async function completeCommand(program: Command, words: readonly string[]): Promise<number> {
  for (const candidate of await candidatesFor(program, words)) printLine(candidate);
  return exitCodes.done;
}

async function candidatesFor(
  program: Command,
  words: readonly string[],
): Promise<readonly string[]> {
  const current = words.at(-1) ?? "";
  const all = await allFor(readWords(program, words.slice(0, -1)), current);
  return all.filter((candidate) => candidate === files || candidate.startsWith(current));
}

async function allFor(before: CommandWords, current: string): Promise<readonly string[]> {
  const { command, open, stateDir } = before;
  if (open !== undefined)
    return open.long === "--context" || open.long === "--confirm"
      ? contextNames(stateDir)
      : valuesOf(open);
  const [, long] = /^(--[^=]+)=/.exec(current) ?? [];
  if (long !== undefined) return joinedValues(command, long);
  if (current.startsWith("-")) return command.options.flatMap((option) => option.long ?? []);
  return [...commandsOf(command), ...(await operandsOf(before))];
}

/** For an option that is joined to its value by =. */
async function joinedValues(command: Command, long: string): Promise<readonly string[]> {
  const option = command.options.find((each) => each.long === long && each.required);
  const values = option === undefined ? [] : await valuesOf(option);
  return values.map((value) => (value === files ? files : `${long}=${value}`));
}

const pathOptions = ["--state-dir", "--vision-dir", "--vision-models", "--annotate", "--image"];

async function valuesOf({ argChoices, long }: Option): Promise<readonly string[]> {
  if (argChoices !== undefined) return argChoices;
  if (long === "--fault") {
    const { faultModes, faultSteps } = await import("../pipeline/steps/faults.ts");
    return faultSteps.flatMap((step) => faultModes.map((mode) => `${step}=${mode}`));
  }
  return pathOptions.includes(long ?? "") ? [files] : [];
}

async function operandsOf(before: CommandWords): Promise<readonly string[]> {
  const { command, operands, stateDir } = before;
  const name = command.name();
  if (["upload", "recognise", "import"].includes(name)) return [files];
  if (name === "help" && command.parent !== null)
    return commandsOf(commandNamed(command.parent, operands).command);
  if (operands.length > 0) return [];
  if (name === "completion") return shells;
  const parent = command.parent?.name();
  if (parent === "context")
    return ["show", "use", "test"].includes(name) ? contextNames(stateDir) : [];
  if (name === "show" && parent === "machines") return machineIds(stateDir);
  if (name === "trace" || (name === "show" && parent === "flows")) return flowIds(stateDir);
  if (name !== "messages" && name !== "publish") return [];
  const { catalogue } = await import("../pipeline/contracts/catalogue.ts");
  return catalogue.map((contract) => contract.name);
}

async function contextNames(named: string | undefined): Promise<readonly string[]> {
  const { loadSettings } = await import("./config.ts");
  const { builtInContexts } = await import("./context-settings.ts");
  const { contexts } = await loadSettings({ stateDir: named });
  return [...builtInContexts, ...Object.keys(contexts)];
}

const flowsMax = 50;

/** Of the flows that were seen last. */
async function flowIds(named: string | undefined): Promise<readonly string[]> {
  const { loadSettings } = await import("./config.ts");
  const { openSeen } = await import("./compose-seen.ts");
  const { anyFlow } = await import("../pipeline/ports/flow-store.ts");
  const { stateDir } = await loadSettings({ stateDir: named });
  const store = await openSeen(stateDir);
  try {
    const flows = await store.list({ ...anyFlow, limit: flowsMax });
    return flows.map(({ flowId }) => flowId);
  } finally {
    await store.close();
  }
}

async function machineIds(named: string | undefined): Promise<readonly string[]> {
  const { loadSettings } = await import("./config.ts");
  const { openMachines } = await import("./compose-state.ts");
  const { stateDir } = await loadSettings({ stateDir: named });
  const { close, machines } = await openMachines(stateDir, () => undefined);
  try {
    return await machines.idsWith("");
  } finally {
    await close();
  }
}
