/** Work in lanes: sequential within a lane, with a limit on the total. */
export type Lanes = {
  /** Starts at once if nothing is ahead of it. */
  run<T>(lane: string, work: () => Promise<T>): Promise<T>;
};

/** `work` must not reject. */
export function createLanes(roomFor: number): Lanes {
  /** For each lane with work running or waiting for room: the work queued behind it. */
  const behind = new Map<string, (() => void)[] | null>();
  const forRoom: (() => void)[] = [];
  let inside = 0;
  const begin = <T>(lane: string, work: () => Promise<T>): Promise<T> => {
    inside += 1;
    const running = work();
    void running.then(() => leave(lane));
    return running;
  };
  const enter = (job: () => void) => {
    if (inside < roomFor) job();
    else forRoom.push(job);
  };
  const leave = (lane: string) => {
    inside -= 1;
    const first = forRoom.shift();
    const next = behind.get(lane)?.shift();
    if (next === undefined) behind.delete(lane);
    first?.();
    if (next !== undefined) enter(next);
  };
  return {
    run(lane, work) {
      const waiting = behind.get(lane);
      if (waiting === undefined) {
        behind.set(lane, null); // most lanes hold a single item
        if (inside < roomFor) return begin(lane, work);
      }
      return new Promise((resolve) => {
        const job = () => resolve(begin(lane, work));
        if (waiting === undefined) forRoom.push(job);
        else if (waiting === null) behind.set(lane, [job]);
        else waiting.push(job);
      });
    },
  };
}
