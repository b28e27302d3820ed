export { agentBinaryPath, readAgentBinary } from './agent-binary.js';
export { type AgentClient, createAgentClient } from './agent-client.js';
export type {
  EnvironmentInput,
  ExecOptions,
  ExecResult,
  InitOptions,
  InitResult,
  PrepareOptions,
  PrepareResult,
  QuiesceOptions,
  RenewOptions,
  TerminalSize,
  VolumeMount,
} from './exec-options.js';
export type { GuestExecution } from './guest-execution.js';
export { type Hello, PROTOCOL_GENERATION } from './hello.js';
export type { GuestInput } from './input-stream.js';
export type { GuestOutput } from './output-stream.js';
