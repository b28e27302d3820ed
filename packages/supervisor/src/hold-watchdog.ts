import type { Socket } from 'node:net';

/** Sockets are closed when they are collected as garbage; what is in here is not, for the life of this process. */
const held = new Set<Socket>();

/**
 * Keeps this process's end of a supervisor's watchdog pipe open until the supervisor is gone. It closes with the process, however that ends,
 * which is what stops the box. It does not keep the process alive.
 */
export function holdWatchdog(socket: Socket): void {
  held.add(socket);
  // The supervisor never writes; a reader is what notices its end.
  socket.on('data', () => undefined);
  socket.once('error', () => socket.destroy());
  socket.once('close', () => held.delete(socket));
  socket.unref();
}
