/** Vouchers that were signed here: what the client owes, on its own disk. One small file for each. */
import { join } from 'node:path';
import { formatVoucher, type KeptVoucher, voucherFileName } from '@palisade/client';
import { atomicWrite, ensureDir } from '@palisade/daemon/base';

const PRIVATE = 0o700;

/** Writes vouchers into a folder, each before it leaves. */
export function voucherFolder(folder: string): (voucher: KeptVoucher) => Promise<void> {
  return async (voucher) => {
    await ensureDir(folder, PRIVATE);
    const path = join(folder, voucherFileName(voucher));
    await atomicWrite(path, formatVoucher(voucher), { mode: 0o600 });
  };
}
