import {
  type BaseDiskRecord,
  type BaseDiskStore,
  type BoxId,
  BoxliteError,
  type Lease,
  type LeaseStore,
} from '@boxlite/core';

/** A base disk store in memory, with the rules of the contract. */
export class MemoryBaseDisks implements BaseDiskStore {
  readonly records = new Map<string, BaseDiskRecord>();
  readonly references = new Map<string, Set<BoxId>>();
  /** Called before each operation; may throw. */
  before: (operation: keyof BaseDiskStore, record?: BaseDiskRecord) => void | Promise<void> = () => undefined;

  async insert(record: BaseDiskRecord): Promise<void> {
    await this.before('insert', record);
    const isTaken = [...this.records.values()].some(
      (other) => other.id === record.id || (other.sourceBoxId === record.sourceBoxId && other.name === record.name),
    );
    if (isTaken) throw new BoxliteError('already_exists', `${record.name} is taken`);
    this.records.set(record.id, record);
  }

  async get(id: string): Promise<BaseDiskRecord | undefined> {
    await this.before('get');
    return this.records.get(id);
  }

  async findByName(sourceBoxId: string, name: string): Promise<BaseDiskRecord | undefined> {
    await this.before('findByName');
    return [...this.records.values()].find((record) => record.sourceBoxId === sourceBoxId && record.name === name);
  }

  async list(kind?: BaseDiskRecord['kind']): Promise<readonly BaseDiskRecord[]> {
    await this.before('list');
    return [...this.records.values()].filter((record) => kind === undefined || record.kind === kind);
  }

  async delete(id: string): Promise<boolean> {
    await this.before('delete');
    if ((this.references.get(id)?.size ?? 0) > 0) throw new BoxliteError('invalid_state', `${id} is in use`);
    return this.records.delete(id);
  }

  async addReference(
    id: string,
    boxId: BoxId,
    { replaces }: { readonly replaces?: BaseDiskRecord['kind'] } = {},
  ): Promise<void> {
    for (const [other, boxes] of this.references) {
      const isReplaced = replaces !== undefined && this.records.get(other)?.kind === replaces;
      if (other !== id && isReplaced) boxes.delete(boxId);
    }
    this.references.set(id, (this.references.get(id) ?? new Set()).add(boxId));
  }

  async removeReferences(boxId: BoxId): Promise<void> {
    for (const boxes of this.references.values()) boxes.delete(boxId);
  }

  async referencedBy(id: string): Promise<readonly BoxId[]> {
    return [...(this.references.get(id) ?? [])];
  }
}

interface Held {
  readonly entity: string;
  readonly purpose: string;
  readonly shared: boolean;
}

/** Leases in memory: shared ones coexist, exclusive ones exclude all. */
export class MemoryLeases implements LeaseStore {
  readonly held = new Set<Held>();
  #given: (() => void)[] = [];
  #noticed: (() => void)[] = [];

  /** Resolves once somebody waits for a lease. */
  async waiting(): Promise<void> {
    if (this.#given.length === 0) await new Promise<void>((resolve) => this.#noticed.push(resolve));
  }

  async acquire(
    entity: string,
    purpose: string,
    { shared = false, waitMs = 0 }: { readonly shared?: boolean; readonly waitMs?: number } = {},
  ): Promise<Lease> {
    while ([...this.held].some((other) => other.entity === entity && !(shared && other.shared))) {
      if (waitMs === 0) throw new BoxliteError('lease_held', `${entity} is held`);
      const given = new Promise<void>((resolve) => this.#given.push(resolve));
      for (const notice of this.#noticed.splice(0)) notice();
      await given;
    }
    const entry = { entity, purpose, shared };
    this.held.add(entry);
    const release = async () => {
      this.held.delete(entry);
      for (const wake of this.#given.splice(0)) wake();
    };
    return { entity, purpose, release, [Symbol.asyncDispose]: release };
  }

  async holders(entity: string) {
    return (await this.list(entity)).filter((holder) => holder.entity === entity);
  }

  async list(prefix: string) {
    const identity = { pid: process.pid, startTime: 1, bootId: 'boot' };
    return [...this.held].filter(({ entity }) => entity.startsWith(prefix)).map((entry) => ({ ...identity, ...entry }));
  }
}
