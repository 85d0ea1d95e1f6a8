/** The text of a command's `--help` apart from the options. */
export type HelpText = {
  /** A command, and what it does where that is not obvious. */
  readonly examples: readonly (readonly [command: string, meaning?: string])[];
  readonly notes?: readonly string[];
  readonly variables?: readonly string[];
  readonly exitCodes: readonly (readonly [codes: string, meaning: string])[];
};
