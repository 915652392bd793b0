import { cannotHold, formatAmount, handle, hold, nodeKeys, PPM, validators } from '@palisade/chain';
import {
  address,
  bytes32,
  command,
  type Domain,
  digestOf,
  equalBytes,
  isSignedBy,
  message,
  refuse,
  signature65,
  text,
  toHex,
  u32,
  u128,
} from '@palisade/core';
import { totals } from '../claims/claim.ts';
import { collatorRegistered } from '../events.ts';
import { params } from '../params.ts';
import { bondPurpose, type VirtualStake } from './bond.ts';
import { candidate, collators, noteCandidate, rootKeys } from './collator.ts';

/** The word of a key on the root chain that it stands for a validator: nobody can claim another's. */
export const rootKeyConsent = message({
  name: 'power.root-key-consent',
  title: 'Consent to stand for a validator',
  doc: 'A root chain key agrees to sign for a validator.',
  signer: 'account',
  fields: { nodeKey: bytes32.is('Node key of the validator') },
});

/** Makes a validator a candidate for the seats that are drawn. */
export const registerCollator = command({
  name: 'power.register-collator',
  title: 'Register as a collator',
  doc: 'Puts up a bond; from the next session on, lent power can win a seat.',
  signer: 'account',
  fields: {
    nodeKey: bytes32.is('ed25519 key of the validator, bound to this account'),
    rootKey: address.is('Its secp256k1 key, by which contracts on the root chain know it'),
    consent: signature65.is("The root chain key's signature over power.root-key-consent"),
    name: text(32).is('Name for people'),
    bond: u128.is('Base units'),
    commissionPpm: u32.is(
      'Share of its rewards that is not passed on to backers, parts per million',
    ),
  },
});

export function registerCollatorHandler(domain: Domain, virtualStake: VirtualStake) {
  return handle(registerCollator, {
    verify({ state, sender }, { nodeKey, rootKey, consent, bond, commissionPpm }) {
      const bound = nodeKeys.get(state, nodeKey);
      if (!bound || bound.revoked === 1 || !equalBytes(bound.account, sender.account))
        return refuse(
          'power/not-your-node-key',
          `${toHex(nodeKey)} is not bound to ${toHex(sender.account)}.`,
          { next: 'Bind it with accounts.bind-node-key.' },
        );
      if (validators.get(state, nodeKey)?.known === 1)
        return refuse('power/known-validator', 'A known validator has its seat without the draw.', {
          next: 'Register another validator of yours.',
        });
      if (candidate(state, nodeKey))
        return refuse('power/collator-known', `${toHex(nodeKey)} is a collator already.`, {
          next: 'Add to its bond with power.add-bond, or leave first to register anew.',
        });
      const limits = params.need(state);
      if (limits.hosted.length > 0 && !limits.hosted.some((key) => equalBytes(key, nodeKey)))
        return refuse(
          'power/not-hosted',
          `This chain runs in one process, which does not hold ${toHex(nodeKey)}: it could not sign blocks.`,
          { next: 'Register one of the keys that the genesis document names.' },
        );
      if (totals.need(state).collators >= BigInt(limits.maxCollatorsAll))
        return refuse(
          'power/too-many-candidates',
          `There are ${limits.maxCollatorsAll} collators already.`,
          { retry: 'later', next: 'Wait until one leaves.' },
        );
      const holder = rootKeys.get(state, rootKey);
      if (holder && !equalBytes(holder, nodeKey))
        return refuse('power/root-key-taken', `${toHex(rootKey)} stands for another validator.`, {
          next: 'Use another root chain key: each stands for one validator.',
        });
      if (!isSignedBy(digestOf(rootKeyConsent, { nodeKey }, domain), consent, rootKey))
        return refuse(
          'power/no-consent',
          `${toHex(rootKey)} has not agreed to stand for this node.`,
          { next: 'Sign power.root-key-consent with it, for this node key and this chain.' },
        );
      if (BigInt(commissionPpm) > PPM)
        return refuse('power/bad-commission', 'A commission is at most a million parts.');
      if (bond + virtualStake(state, nodeKey) < limits.candidacyBond)
        return refuse(
          'power/bond-too-small',
          `A candidacy needs a bond of ${formatAmount(limits.candidacyBond)}; ${formatAmount(bond)} were offered.`,
          { data: { least: limits.candidacyBond }, next: 'Offer at least that.' },
        );
      return cannotHold(state, sender.account, bond);
    },
    apply(ctx, { nodeKey, rootKey, name, bond, commissionPpm }) {
      const { state, sender, session } = ctx;
      const before = collators.get(state, nodeKey);
      if (bond > 0n) hold(state, sender.account, bondPurpose(nodeKey), bond);
      if (before && !equalBytes(before.rootKey, rootKey)) rootKeys.delete(state, before.rootKey);
      rootKeys.set(state, [rootKey], nodeKey);
      const sums = totals.need(state);
      const generation = Number(sums.registrations);
      collators.set(state, [nodeKey], {
        account: sender.account,
        rootKey,
        name,
        registered: 1,
        generation,
        bond,
        commissionPpm,
        since: session.number,
        badSessions: 0,
        barredUntil: before?.barredUntil ?? 0n,
      });
      noteCandidate(state, nodeKey, bond);
      totals.set(state, [], {
        ...sums,
        collators: sums.collators + 1n,
        registrations: sums.registrations + 1n,
      });
      ctx.emit(collatorRegistered, {
        collator: nodeKey,
        account: sender.account,
        rootKey,
        generation,
        bond,
      });
    },
  });
}
