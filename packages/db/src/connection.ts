import { BoxliteError } from '@boxlite/core';
import type { Database, Statement } from 'better-sqlite3';
import { databaseError, isSqliteError } from './database-error.js';
import { retryBusy } from './retry-busy.js';

/** A row as SQLite gives it, before it is checked. */
export type Row = Readonly<Record<string, unknown>>;

/** What a piece of work may do inside its transaction. */
export interface Transaction {
  get(sql: string, ...parameters: readonly SqlValue[]): Row | undefined;
  all(sql: string, ...parameters: readonly SqlValue[]): readonly Row[];
  /** Number of rows changed, and the id of the last one inserted. */
  run(sql: string, ...parameters: readonly SqlValue[]): { readonly changes: number; readonly insertedId: number };
}

export type SqlValue = string | number | null;

/** How to wait in one call. */
export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How to wait, and what for. */
export interface WriteOptions extends WorkOptions {
  /** Default true: the commit survives a power cut. Without it what was written is only void with the boot, and saves a sync of the disk. */
  readonly durable?: boolean;
}

/**
 * The one way the stores reach SQLite: short synchronous transactions, retried from outside while another process holds the lock,
 * and every failure a typed error.
 */
export class Connection implements Transaction {
  readonly file: string;
  readonly #database: Database;
  readonly #retryBoundMs: number;
  readonly #statements = new Map<string, Statement>();

  constructor(database: Database, file: string, retryBoundMs: number) {
    this.#database = database;
    this.file = file;
    this.#retryBoundMs = retryBoundMs;
    // Most of a box's start is only true until the next boot; what is not asks for its sync.
    database.pragma('synchronous = NORMAL');
  }

  get isOpen(): boolean {
    return this.#database.open;
  }

  /** Reads one consistent state. */
  read<T>(what: string, work: (transaction: Transaction) => T, options: WorkOptions = {}): Promise<T> {
    return this.#work(what, () => this.#database.transaction(() => work(this)).deferred(), options);
  }

  /**
   * Reads and writes in one immediate transaction: the lock is taken before `work` runs, so `work` runs once for each commit,
   * and what it throws rolls everything back.
   */
  write<T>(what: string, work: (transaction: Transaction) => T, options: WriteOptions = {}): Promise<T> {
    const { durable = true, ...wait } = options;
    const commit = (): T => this.#database.transaction(() => work(this)).immediate();
    return this.#work(what, durable ? () => this.#withSync(commit) : commit, wait);
  }

  get(sql: string, ...parameters: readonly SqlValue[]): Row | undefined {
    return this.#statement(sql).get(...parameters) as Row | undefined;
  }

  all(sql: string, ...parameters: readonly SqlValue[]): readonly Row[] {
    return this.#statement(sql).all(...parameters) as Row[];
  }

  run(sql: string, ...parameters: readonly SqlValue[]): { readonly changes: number; readonly insertedId: number } {
    const result = this.#statement(sql).run(...parameters);
    return { changes: result.changes, insertedId: Number(result.lastInsertRowid) };
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** With WAL the file stays consistent also without the sync; a durable commit makes those before it durable too (pragma synchronous). */
  #withSync<T>(commit: () => T): T {
    this.#database.pragma('synchronous = FULL');
    try {
      return commit();
    } finally {
      this.#database.pragma('synchronous = NORMAL');
    }
  }

  async #work<T>(what: string, run: () => T, options: WorkOptions): Promise<T> {
    try {
      return await retryBusy(
        () => {
          this.#checkOpen(what);
          return run();
        },
        { boundMs: this.#retryBoundMs, signal: options.signal },
      );
    } catch (thrown) {
      // What the caller's own change function threw is the caller's.
      throw isSqliteError(thrown) ? databaseError(thrown, this.file, what) : thrown;
    }
  }

  #checkOpen(what: string): void {
    if (this.#database.open) return;
    throw new BoxliteError('stopped', `${what}: the state store of ${this.file} is closed`, {
      hint: 'open it again',
      details: { file: this.file },
    });
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
