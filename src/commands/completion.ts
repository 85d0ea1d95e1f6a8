import type { Command, Option } from "commander";
import { exitCodes } from "../pipeline/errors.ts";
import { commandsOf, readWords } from "./command-words.ts";
import { printLine } from "./output.ts";

// Completion: a shell script calls the hidden command `__complete` with the words so far.

const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** Stands for file names, which the shell completes best itself. */
const files = ":files";

const scripts: Readonly<Record<Shell, string>> = {
  bash: `_tu_analyze() {
  local IFS=$'\\n' word="\${COMP_WORDS[COMP_CWORD]}"
  local found; found=$(tu-analyze __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case $'\\n'"$found"$'\\n' in *$'\\n${files}\\n'*) compopt -o default 2>/dev/null; COMPREPLY=(); return;; esac
  COMPREPLY=($(compgen -W "$found" -- "$word"))
}
complete -F _tu_analyze tu-analyze`,
  zsh: `#compdef tu-analyze
_tu_analyze() {
  local -a found
  found=("\${(@f)$(tu-analyze __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${found[(I)${files}]} )); then _files; else compadd -- $found; fi
}
if [[ "$funcstack[1]" = _tu_analyze ]]; then _tu_analyze "$@"; else compdef _tu_analyze tu-analyze; fi`,
  fish: `function __tu_analyze_complete
  set -l words (commandline -opc) (commandline -ct)
  for found in (tu-analyze __complete -- $words[2..-1] 2>/dev/null)
    if test "$found" = "${files}"
      __fish_complete_path (commandline -ct)
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
  const { command, open, operands, stateDir } = readWords(program, words.slice(0, -1));
  const all =
    open !== undefined
      ? await valuesOf(open)
      : current.startsWith("-")
        ? command.options.flatMap(({ long }) => long ?? [])
        : [
            ...commandsOf(command),
            ...(await operandsOf(command, { operands: operands.length, stateDir })),
          ];
  return all.filter((candidate) => candidate === files || candidate.startsWith(current));
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

async function operandsOf(
  command: Command,
  { operands, stateDir }: { operands: number; stateDir: string | undefined },
): Promise<readonly string[]> {
  const name = command.name();
  if (["upload", "recognise", "import"].includes(name)) return [files];
  if (operands > 0) return [];
  if (name === "completion") return shells;
  if (name === "show") return machineIds(stateDir);
  if (name !== "messages") return [];
  const { catalogue } = await import("../pipeline/contracts/catalogue.ts");
  return catalogue.map((contract) => contract.name);
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
