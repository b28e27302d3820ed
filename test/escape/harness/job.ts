/** Which layers are around the hostile program. Each but `none` and `all` is one alone. */
export const LAYER_SETS = [
  'none',
  'descriptors',
  'rlimits',
  'cgroup',
  'view',
  'privileges',
  'landlock',
  'seccomp',
  'all',
] as const;

export type LayerSet = (typeof LAYER_SETS)[number];

/** What one process of the harness is to do, as one user. */
export interface EscapeJob {
  /** Where it may work: a directory of the user's own, reached by everybody's `x`. */
  readonly workDir: string;
  /** Programs, readable for the user: `hostile`, `victim`, and all native files of this system. */
  readonly programsDir: string;
  /** A copy of `hostile` that belongs to root and carries the set-user-id bit. */
  readonly setUserIdProgram: string;
  readonly network: boolean;
  readonly layers: readonly LayerSet[];
  readonly attempts: readonly AttemptOfJob[];
  readonly accelerator: 'tcg' | 'kvm';
  /** Whose policy of system calls the hostile program stands under; libkrun's with all its switches but the host's network. */
  readonly policy: 'qemu' | 'libkrun';
}

export interface AttemptOfJob {
  readonly name: string;
  /** Tried under these layers only, because it takes long; default: all. */
  readonly under?: readonly LayerSet[];
  /** Needs a process of its own under any layers. */
  readonly alone?: boolean;
  /** It waits to be stopped; coming out is to be there afterwards. */
  readonly lingers?: boolean;
  /** The end of its box is the violent death of its supervisor. */
  readonly starterDies?: boolean;
}

export type Verdict = 'escaped' | 'refused' | 'impossible';

/** What became of one attempt under one set of layers. */
export interface Outcome {
  readonly layers: LayerSet;
  readonly attempt: string;
  readonly verdict: Verdict;
  /** Error, signal, or what was got hold of. */
  readonly detail: string;
  /** What the program said and what was seen outside are not the same: the worse of the two is the verdict. */
  readonly contradiction?: string;
}

/** What the harness writes to its standard output. */
export interface EscapeReport {
  readonly user: number;
  readonly kernel: string;
  /** Version of the kernel's Landlock; 0: none. */
  readonly landlock: number;
  readonly network: boolean;
  /** Sentences of the jail's `prepare`. */
  readonly told: readonly string[];
  /** What the jail says of its layers, `name: state, detail`. */
  readonly layers: readonly string[];
  readonly outcomes: readonly Outcome[];
}
