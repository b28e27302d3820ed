/** Why one place gives no libkrun, and what would help. Collected by the search, so it is a value and no exception. */
export interface LibkrunProblem {
  /** The rest of a sentence that starts with the file's name or the place: `is built for arm64, …`. */
  readonly problem: string;
  readonly remedy?: string;
}
