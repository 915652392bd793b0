/**
 * Works out, from the disks of client and partners alone, what every partner of a development
 * network must have been paid in every session, and holds the validators' payout files against it,
 * to the unit.
 *
 *   node scripts/recompute-payouts.mjs [folder] [--client folder]... [--url validator] [--json] [--looks n]
 *
 * folder is the network's (`.palisade/devnet` unless given). The client's vouchers are read from
 * `<folder>/client/vouchers`, from `<folder>/../vouchers`, where the command line keeps them, and
 * from every --client. Where something differs, it looks again, --looks times in all.
 * Exit code 0: all payouts are as they must be; 1: some are not; 2: it could not be found out.
 *
 * It shares no code with the market: the forms below were written from spec/market.md, signatures
 * are checked by viem. What it goes by:
 *
 *   voucher    signed by the client: so much per session, for so many sessions (partner's disk,
 *              as an SSZ envelope; client's disk, as JSON)
 *   ledger     the partner answered the audit of this job in this session
 *   receipt    signed by the client: so much in all for a run (partner's disk, as an SSZ envelope)
 *   usage      signed by the client: so much in all for access until now, and as a receipt at its end
 *              (partner's disk, as JSON)
 *   payout     one row per agreement and session: status 1 (earned) with the amount
 *
 * A session with an answer must be paid at the rate of the voucher in force at its end, one without
 * must not be paid, unless it is what a receipt says, once. The voucher in force is the one of the answer, or a newer one that was filed
 * before the session was over. Access is paid as its vouchers are filed: of all sessions together
 * never more than the best one says, and just that once it is filed.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { recoverTypedDataAddress } from 'viem';

const EARNED = 1;
/** A partner writes its ledger a moment after the block of its answer: so often and so long, ms, a difference is looked at again. */
const LOOKS = 8;
const PAUSE_MS = 500;
const NO_ID = `0x${'00'.repeat(32)}`;
/** Bytes of a row in a payout file, and of the version before the first. */
const ROW = 137;
const VERSION = 1;
/** How the addresses of the chain's own accounts begin: the archive is the client of what has no voucher. */
const MODULE = hex(Buffer.from('palisade.mod'));

/** The typed data of `market.rate-voucher` (EIP-712). */
const VOUCHER_TYPES = {
  EIP712Domain: [
    { name: 'name', type: 'string' },
    { name: 'version', type: 'string' },
    { name: 'salt', type: 'bytes32' },
  ],
  MarketRateVoucher: [
    { name: 'job', type: 'bytes32' },
    { name: 'partner', type: 'bytes32' },
    { name: 'sequence', type: 'uint32' },
    { name: 'rate', type: 'uint128' },
    { name: 'sessions', type: 'uint32' },
  ],
};

/** The typed data of `market.client-receipt`. */
const RECEIPT_TYPES = {
  EIP712Domain: VOUCHER_TYPES.EIP712Domain,
  MarketClientReceipt: [
    { name: 'job', type: 'bytes32' },
    { name: 'partner', type: 'bytes32' },
    { name: 'sequence', type: 'uint32' },
    { name: 'lastSession', type: 'uint64' },
    { name: 'units', type: 'uint64' },
    { name: 'amount', type: 'uint128' },
    { name: 'result', type: 'bytes32' },
  ],
};

/** The typed data of `market.usage-voucher`. */
const USAGE_TYPES = {
  EIP712Domain: VOUCHER_TYPES.EIP712Domain,
  MarketUsageVoucher: [
    { name: 'job', type: 'bytes32' },
    { name: 'partner', type: 'bytes32' },
    { name: 'sequence', type: 'uint32' },
    { name: 'units', type: 'uint64' },
    { name: 'amount', type: 'uint128' },
    { name: 'timeMs', type: 'uint64' },
    { name: 'previous', type: 'bytes32' },
  ],
};

async function recover(types, primaryType, { genesisHash, signature, ...message }) {
  const domain = { name: 'Palisade', version: '1', salt: genesisHash };
  const signed = { domain, types, primaryType, message, signature };
  return (await recoverTypedDataAddress(signed)).toLowerCase();
}

function signerOf({ genesisHash, signature, ...terms }) {
  const { job, partner, sequence, rate, sessions } = terms;
  const message = { genesisHash, signature, job, partner, sequence, rate, sessions };
  return recover(VOUCHER_TYPES, 'MarketRateVoucher', message);
}

function hex(bytes) {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/**
 * A voucher out of its SSZ envelope: chain (4 bytes), then offsets (u32 little-endian) of name,
 * sender, body and signature; the body has job, partner, sequence, rate and sessions, 88 bytes.
 */
function voucherOfEnvelope(envelope, genesisHash) {
  const { sender, body, signature } = openEnvelope(
    envelope,
    genesisHash,
    'market.rate-voucher',
    88,
  );
  return {
    genesisHash,
    client: hex(sender),
    job: hex(body.subarray(0, 32)),
    partner: hex(body.subarray(32, 64)),
    sequence: body.readUInt32LE(64),
    rate: readAmount(body, 68),
    sessions: body.readUInt32LE(84),
    signature: hex(signature),
  };
}

function openEnvelope(envelope, genesisHash, wanted, bytes) {
  const data = Buffer.from(envelope.slice(2), 'hex');
  const at = [4, 8, 12, 16].map((place) => data.readUInt32LE(place));
  const [name, sender, body, signature] = at.map((from, i) => data.subarray(from, at[i + 1]));
  if (name.toString() !== wanted || body.length !== bytes)
    throw new Error(`'${name}' of ${body.length} bytes is no ${wanted}`);
  if (hex(data.subarray(0, 4)) !== genesisHash.slice(0, 10))
    throw new Error('it was signed for another chain');
  return { sender, body, signature };
}

function readAmount(body, at) {
  return body.readBigUInt64LE(at) + (body.readBigUInt64LE(at + 8) << 64n);
}

/** What a client's receipt owes for use; its body has 132 bytes. Undefined for storage, which has no result. */
async function owedByReceipt(envelope, genesisHash, client) {
  const { body, signature } = openEnvelope(envelope, genesisHash, 'market.client-receipt', 132);
  const receipt = {
    genesisHash,
    signature: hex(signature),
    job: hex(body.subarray(0, 32)),
    partner: hex(body.subarray(32, 64)),
    sequence: body.readUInt32LE(64),
    lastSession: body.readBigUInt64LE(68),
    units: body.readBigUInt64LE(76),
    amount: readAmount(body, 84),
    result: hex(body.subarray(100, 132)),
  };
  const signer = await recover(RECEIPT_TYPES, 'MarketClientReceipt', receipt);
  return signer === client && receipt.result !== NO_ID ? receipt.amount : undefined;
}

/**
 * What the client has signed for its use of a partner: the total, the number of the best voucher, and
 * whether there is a receipt of both. Undefined where the signature is not the client's.
 */
async function vouchedUse(usage, partner, genesisHash) {
  const { job, client, sequence, units, amount, timeMs, previous, signature } = usage;
  const { receiptSequence, receiptSession: lastSession, receiptSignature } = usage;
  const { rate, sessions, rateSequence, rateSignature } = usage;
  const terms = { job, partner, sequence: rateSequence, rate, sessions };
  const agreedBy = await signerOf({ ...terms, genesisHash, signature: rateSignature });
  if (agreedBy !== client || BigInt(amount) > BigInt(rate) * BigInt(sessions)) return undefined;
  if (receiptSignature !== '0x') {
    const words = { job, partner, sequence: receiptSequence, lastSession, units, amount };
    const receipt = { ...words, result: NO_ID, genesisHash, signature: receiptSignature };
    if ((await recover(RECEIPT_TYPES, 'MarketClientReceipt', receipt)) !== client) return undefined;
    return { amount: BigInt(amount), sequence, isFinal: true };
  }
  if (sequence === 0) return { amount: 0n, sequence, isFinal: false };
  const voucher = { job, partner, sequence, units, amount, timeMs, previous };
  const signed = { ...voucher, genesisHash, signature };
  if ((await recover(USAGE_TYPES, 'MarketUsageVoucher', signed)) !== client) return undefined;
  return { amount: BigInt(amount), sequence, isFinal: false };
}

function jsonFilesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')])
    .map(([path, text]) => [path, JSON.parse(text)]);
}

/** Answered audits of a partner's ledger. Half a line is what a crash left; it is written again. */
function answersIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^\d+\.jsonl$/.test(name))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

/** All that the disks say: vouchers by job, partner and sequence; answers and terms of partners. */
async function readDisks(root, clientFolders, genesisHash) {
  const problems = [];
  const vouchers = new Map();
  const agreements = new Map();
  const usages = new Map();
  const answers = [];
  const archived = new Set();
  const add = async (voucher, path, whose) => {
    const key = `${voucher.job} ${voucher.partner} ${voucher.sequence}`;
    const signer = await signerOf(voucher).catch(() => 'nobody');
    if (signer !== voucher.client)
      return problems.push(`${path}: signed by ${signer}, not by ${voucher.client}`);
    const other = vouchers.get(key);
    if (other && (other.rate !== voucher.rate || other.sessions !== voucher.sessions))
      problems.push(
        `${path}: the client signed two different vouchers of sequence ${voucher.sequence}`,
      );
    vouchers.set(key, { ...voucher, on: new Set([...(other?.on ?? []), whose]) });
  };
  for (const folder of clientFolders)
    for (const [path, { rate, ...kept }] of jsonFilesIn(join(folder, 'vouchers')))
      if (kept.genesisHash === genesisHash)
        await add({ ...kept, rate: BigInt(rate) }, path, 'client');
  for (const name of readdirSync(root)
    .filter((one) => /^partner-\d+$/.test(one))
    .sort()) {
    const folder = join(root, name, 'agreements');
    for (const [path, agreement] of [
      ...jsonFilesIn(folder),
      ...jsonFilesIn(join(folder, 'ended')),
    ]) {
      // Payout files that the archive has kept: no client signed for them, and they have no rows.
      if (agreement.client.startsWith(MODULE)) {
        archived.add(agreement.job);
        continue;
      }
      const voucher = voucherOfEnvelope(agreement.voucher, genesisHash);
      await add(voucher, path, 'partner');
      const owed =
        agreement.receipt === '0x'
          ? undefined
          : await owedByReceipt(agreement.receipt, genesisHash, voucher.client);
      agreements.set(`${voucher.job} ${voucher.partner}`, { ...agreement, name, owed });
    }
    for (const answer of answersIn(join(root, name, 'ledger'))) answers.push({ ...answer, name });
    const used = join(root, name, 'usage');
    for (const [, usage] of [...jsonFilesIn(used), ...jsonFilesIn(join(used, 'ended'))])
      usages.set(usage.job, { ...usage, name });
  }
  const ofClients = answers.filter(({ job }) => !archived.has(job));
  return { vouchers, agreements, usages, answers: ofClients, problems, genesisHash };
}

async function getJson(url) {
  const response = await fetch(url);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return response.json();
}

/** RFC 6962, over the rows as they lie in the file. */
function merkleRoot(leaves) {
  const sha256 = (tag, ...parts) =>
    createHash('sha256')
      .update(Buffer.concat([Buffer.of(tag), ...parts]))
      .digest();
  if (leaves.length === 1) return sha256(0, leaves[0]);
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(1, merkleRoot(leaves.slice(0, left)), merkleRoot(leaves.slice(left)));
}

/** The rows of a file that validators let go of, from the disk of a partner that keeps it. */
function movedRows(root, summary) {
  const id = summary.content.slice(2);
  for (const name of readdirSync(root)) {
    const path = join(root, name, 'content', 'contents', id.slice(0, 2), id, 'data');
    if (!existsSync(path)) continue;
    const data = readFileSync(path);
    const rows = Array.from({ length: summary.rows }, (_, i) =>
      data.subarray(VERSION + i * ROW, VERSION + (i + 1) * ROW),
    );
    if (hex(merkleRoot(rows)) === summary.root) return rows.map(rowOf);
  }
  throw new Error(`no partner has the payout file with content id ${summary.content}`);
}

/** Job, partner, client; blocks of the job, its start, the answer, the end; amount, sequence, status. */
function rowOf(row) {
  return {
    job: hex(row.subarray(0, 32)),
    partner: hex(row.subarray(32, 64)),
    client: hex(row.subarray(64, 84)),
    amount: `${readAmount(row, 116)}`,
    sequence: row.readUInt32LE(132),
    status: row[136],
  };
}

/** A session's payout file, all of its pages; undefined while it is open. */
async function readPayout(url, session, root) {
  const rows = [];
  let summary;
  for (let after = NO_ID; ; after = rows.at(-1).job) {
    const page = await getJson(`${url}/v1/query/market.payout?session=${session}&after=${after}`);
    if (!page) return undefined;
    summary = page.result.summary;
    if (page.result.rows.length === 0) break;
    rows.push(...page.result.rows);
    if (rows.length >= summary.rows) break;
  }
  if (rows.length === 0 && summary.rows > 0) return { summary, rows: movedRows(root, summary) };
  return { summary, rows };
}

/** The voucher by which an answered session must be paid. */
function voucherInForce({ vouchers, agreements }, answer, row) {
  const { job, partner } = answer;
  const filed = agreements.get(`${job} ${partner}`)?.filedSequence ?? answer.sequence;
  const isNewer = row && row.sequence > answer.sequence && row.sequence <= filed;
  return vouchers.get(`${job} ${partner} ${isNewer ? row.sequence : answer.sequence}`);
}

/** A payment for access, `before` of which was paid in earlier sessions. */
async function compareUse(session, row, usage, before, genesisHash) {
  const paid = BigInt(row.amount);
  const line = { ...row, session: `${session}`, name: usage.name, must: paid, paid, problem: '' };
  const vouched = await vouchedUse(usage, row.partner, genesisHash).catch(() => undefined);
  if (!vouched) return { ...line, must: 0n, problem: 'no usage voucher signed by the client' };
  const must = vouched.amount - before;
  if (row.status === EARNED && !vouched.isFinal)
    return { ...line, must, problem: 'paid by a receipt that the client did not sign' };
  // Of vouchers that were replaced, the partner keeps nothing: they are worth less than the best.
  const isBest = row.status === EARNED || row.sequence >= vouched.sequence;
  return { ...line, must: isBest || paid > must ? must : paid };
}

/** One session: what must have been paid and what was, a line per partner and job. */
async function compare(session, payout, disks, paidBefore) {
  const lines = [];
  const rows = new Map(payout.rows.map((row) => [`${row.job} ${row.partner}`, row]));
  for (const answer of disks.answers.filter((one) => one.session === `${session}`)) {
    const key = `${answer.job} ${answer.partner}`;
    const row = rows.get(key);
    rows.delete(key);
    const voucher = voucherInForce(disks, answer, row);
    const paid = BigInt(row?.amount ?? 0);
    const problem = problemOf({ session, row, voucher, agreement: disks.agreements.get(key) });
    lines.push({ ...answer, must: voucher?.rate ?? 0n, paid, problem });
  }
  for (const row of rows.values()) {
    const usage = disks.usages.get(row.job);
    if (usage) {
      const before = paidBefore.get(row.job) ?? 0n;
      lines.push(await compareUse(session, row, usage, before, disks.genesisHash));
      paidBefore.set(row.job, before + BigInt(row.amount));
      continue;
    }
    const { name = '-', owed } = disks.agreements.get(`${row.job} ${row.partner}`) ?? {};
    const paid = BigInt(row.amount);
    const isDue = row.status === EARNED || paid !== 0n;
    const problem =
      isDue && owed === undefined ? 'paid without an answered audit or a receipt' : '';
    lines.push({
      ...row,
      session: `${session}`,
      name,
      must: isDue ? (owed ?? 0n) : 0n,
      paid,
      problem,
    });
  }
  const sum = payout.rows.reduce((total, row) => total + BigInt(row.amount), 0n);
  if (sum !== BigInt(payout.summary.total) || payout.rows.length !== payout.summary.rows)
    lines.push({
      session: `${session}`,
      name: '-',
      job: '',
      must: sum,
      paid: BigInt(payout.summary.total),
      problem: `${payout.rows.length} rows, the summary says ${payout.summary.rows}`,
    });
  return lines.map((line) => ({
    ...line,
    problem: line.problem || (line.must === line.paid ? '' : 'another amount'),
  }));
}

function problemOf({ session, row, voucher, agreement }) {
  if (!row) return 'the payout file has no row of it';
  if (!voucher) return 'no voucher signed by the client allows it';
  if (row.status !== EARNED) return `answered, and its status is ${row.status}`;
  const { firstSession, lastSession } = agreement ?? {};
  if (firstSession === undefined) return 'the partner has no such agreement';
  const ahead = BigInt(session) - BigInt(firstSession);
  if (ahead < 0n || ahead >= BigInt(voucher.sessions)) return 'beyond the sessions of the voucher';
  return BigInt(session) > BigInt(lastSession) ? 'after its last session' : '';
}

function print(lines, isJson) {
  if (isJson) return;
  const row = (cells) =>
    console.log(
      `${cells[0].padStart(7)}  ${cells[1].padEnd(10)} ${cells[2].padEnd(12)} ${cells[3].padStart(24)} ${cells[4].padStart(24)}  ${cells[5]}`,
    );
  row(['session', 'partner', 'job', 'must be paid', 'is paid', '']);
  for (const { session, name, job, must, paid, problem } of lines)
    row([session, name, job.slice(0, 12), `${must}`, `${paid}`, problem || 'equal']);
}

async function look(root, clientFolders, url, genesisHash) {
  const { session } = await getJson(`${url}/status`);
  const disks = await readDisks(root, clientFolders, genesisHash);
  const lines = [];
  /** Of access, by job. */
  const paidBefore = new Map();
  for (let number = 0n; number < BigInt(session); number++) {
    const payout = await readPayout(url, number, root);
    if (payout) lines.push(...(await compare(number, payout, disks, paidBefore)));
  }
  return { disks, lines, differences: lines.filter(({ problem }) => problem !== '') };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      client: { type: 'string', multiple: true, default: [] },
      url: { type: 'string' },
      json: { type: 'boolean', default: false },
      looks: { type: 'string', default: `${LOOKS}` },
    },
  });
  const root = positionals[0] ?? join('.palisade', 'devnet');
  const network = JSON.parse(readFileSync(join(root, 'network.json'), 'utf8'));
  const url = values.url ?? network.urls[0];
  const clients = [join(root, 'client'), join(root, '..'), ...values.client];
  let seen;
  for (let looks = 1; ; looks++) {
    seen = await look(root, clients, url, network.genesisHash);
    if (seen.differences.length === 0 || looks >= Number(values.looks)) break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  const { disks, lines, differences } = seen;
  print(lines, values.json);
  for (const problem of disks.problems) console.error(problem);
  const total = lines.reduce((sum, { paid }) => sum + paid, 0n);
  const paidRows = lines.filter(({ paid }) => paid > 0n).length;
  const both = [...disks.vouchers.values()].filter(({ on }) => on.size === 2).length;
  const result = {
    rows: lines.length,
    paidRows,
    total: `${total}`,
    vouchers: disks.vouchers.size,
    vouchersOnBothDisks: both,
    differences: differences.length + disks.problems.length,
  };
  if (values.json) console.log(JSON.stringify(result));
  else
    console.log(
      `${disks.vouchers.size} vouchers signed by the client (${both} on its own disk and a partner's), ${paidRows} payments of ${total} base units in all: ${result.differences === 0 ? 'equal to the unit' : `${result.differences} differences`}`,
    );
  return result.differences === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(`The payouts cannot be recomputed: ${error.cause?.message ?? error.message}`);
    process.exitCode = 2;
  },
);
