/** Counters of one runtime since it was opened. */
export interface RuntimeMetrics {
  readonly boxesCreatedTotal: number;
  readonly boxesFailedTotal: number;
  readonly numRunningBoxes: number;
  readonly totalCommandsExecuted: number;
  readonly totalExecErrors: number;
}

/** The mutable side of {@link RuntimeMetrics}; running boxes are counted when asked for. */
export class MetricsCounter {
  boxesCreated = 0;
  boxesFailed = 0;
  commandsExecuted = 0;
  execErrors = 0;

  snapshot(numRunningBoxes: number): RuntimeMetrics {
    return {
      boxesCreatedTotal: this.boxesCreated,
      boxesFailedTotal: this.boxesFailed,
      numRunningBoxes,
      totalCommandsExecuted: this.commandsExecuted,
      totalExecErrors: this.execErrors,
    };
  }
}
