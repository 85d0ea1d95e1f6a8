/** What a command does, once all of its arguments have been checked. Resolves with the exit code. */
export type Work = () => Promise<number> | number;
