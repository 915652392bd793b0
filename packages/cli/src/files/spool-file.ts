/** A spool on disk: the sealed form of a file, while partners receive it. */
import { open, stat } from 'node:fs/promises';
import type { Spool, SpoolWriter } from '@palisade/client';

/** What is written at a time: one system call for each MiB. */
const WRITE_BYTES = 2 ** 20;

/** Writes a spool to `path`, and makes it durable. */
export function fileSpool(path: string): SpoolWriter {
  return async (content) => {
    const file = await open(path, 'w', 0o600);
    try {
      let waiting: Uint8Array[] = [];
      let bytes = 0;
      const flush = async () => {
        if (bytes > 0) await file.writev(waiting);
        waiting = [];
        bytes = 0;
      };
      for await (const part of content) {
        waiting.push(part);
        bytes += part.length;
        if (bytes >= WRITE_BYTES) await flush();
      }
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    return openSpool(path);
  };
}

/** A spool that was written before. */
export async function openSpool(path: string): Promise<Spool> {
  const { size } = await stat(path);
  return {
    size,
    async read(from, buffer) {
      const file = await open(path);
      try {
        for (let done = 0; done < buffer.length; ) {
          const { bytesRead } = await file.read(buffer, done, buffer.length - done, from + done);
          if (bytesRead === 0) throw new Error(`${path} became shorter while it was read.`);
          done += bytesRead;
        }
      } finally {
        await file.close();
      }
    },
  };
}
