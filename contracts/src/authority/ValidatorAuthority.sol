// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PlasmaFramework } from "../framework/PlasmaFramework.sol";
import { Signatures } from "../lib/Signatures.sol";

/// A validator's root-chain key and its votes.
struct Validator {
    address signer;
    uint96 votes;
}

/**
 * Submits block roots that more than two thirds of the validators' votes have signed. Anybody may bring
 * them; who did, and at which gas price, is on record, so that the child chain can refund it. Each session
 * the present set hands over to the next by the same majority. Only the hash of the set is stored: it
 * comes along with each call, which is cheaper than reading it.
 */
contract ValidatorAuthority {
    error WrongSet();
    error SetNotSorted();
    error SetTooLarge();
    error NoVotes();
    error NotEnoughVotes(uint256 votes, uint256 total);
    error WrongSignature(uint256 index);
    error SessionNotAhead(uint64 session);
    error OutOfTurn(uint256 nextBlknum);

    event BlockAuthorized(
        uint256 indexed blknum,
        bytes32 root,
        uint64 indexed session,
        address indexed submitter,
        uint256 gasPrice
    );
    event ValidatorsRotated(
        uint64 indexed session, address indexed submitter, Validator[] validators, uint256 gasPrice
    );

    /// The child chain's own bound; it also keeps a call below a tenth of a block's gas.
    uint256 public constant MAX_VALIDATORS = 64;

    bytes32 private constant DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant BLOCK_TYPE =
        keccak256("BlockRoot(uint64 session,uint256 blknum,bytes32 root)");
    bytes32 private constant ROTATION_TYPE =
        keccak256("Rotation(uint64 session,uint64 nextSession,bytes32 nextSet)");

    PlasmaFramework public immutable framework;
    /// Signatures of another chain or another contract are worth nothing here.
    bytes32 public immutable domain;

    /// The session whose validators sign now.
    uint64 public session;
    /// keccak(abi.encode(Validator[])) of them.
    bytes32 public validatorSet;
    mapping(uint256 blknum => address) public submitterOf;

    constructor(PlasmaFramework frameworkAddress, uint64 firstSession, Validator[] memory first) {
        framework = frameworkAddress;
        domain = keccak256(
            abi.encode(
                DOMAIN_TYPE,
                keccak256("Palisade Authority"),
                keccak256("1"),
                block.chainid,
                address(this)
            )
        );
        _install(firstSession, first);
    }

    /// `blknum` must be the framework's next: a root that was signed for another number is refused.
    /// Signature i is of validator i; an empty one is no vote, a wrong one refuses the call.
    function submitBlock(
        uint256 blknum,
        bytes32 root,
        Validator[] calldata validators,
        bytes[] calldata signatures
    ) external {
        uint256 next = framework.nextChildBlock();
        if (blknum != next) revert OutOfTurn(next);
        _requireMajority(
            keccak256(abi.encode(BLOCK_TYPE, session, blknum, root)), validators, signatures
        );
        submitterOf[blknum] = msg.sender;
        framework.submitBlock(root);
        emit BlockAuthorized(blknum, root, session, msg.sender, tx.gasprice);
    }

    /// Hands over to the validators of a later session.
    function rotate(
        uint64 nextSession,
        Validator[] calldata next,
        Validator[] calldata validators,
        bytes[] calldata signatures
    ) external {
        if (nextSession <= session) {
            revert SessionNotAhead(session);
        }
        bytes32 content =
            keccak256(abi.encode(ROTATION_TYPE, session, nextSession, keccak256(abi.encode(next))));
        _requireMajority(content, validators, signatures);
        _install(nextSession, next);
    }

    function _install(uint64 number, Validator[] memory validators) private {
        if (validators.length > MAX_VALIDATORS) revert SetTooLarge();
        address last = address(0);
        uint256 total;
        for (uint256 i = 0; i < validators.length; ++i) {
            // Ascending, so that nobody is counted twice.
            if (validators[i].signer <= last) revert SetNotSorted();
            last = validators[i].signer;
            total += validators[i].votes;
        }
        if (total == 0) revert NoVotes();
        session = number;
        validatorSet = keccak256(abi.encode(validators));
        emit ValidatorsRotated(number, msg.sender, validators, tx.gasprice);
    }

    function _requireMajority(
        bytes32 content,
        Validator[] calldata validators,
        bytes[] calldata signatures
    ) private view {
        if (
            keccak256(abi.encode(validators)) != validatorSet
                || signatures.length != validators.length
        ) revert WrongSet();
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, content));
        uint256 votes;
        uint256 total;
        for (uint256 i = 0; i < validators.length; ++i) {
            total += validators[i].votes;
            if (signatures[i].length == 0) continue;
            if (Signatures.signerOf(digest, signatures[i]) != validators[i].signer) {
                revert WrongSignature(i);
            }
            votes += validators[i].votes;
        }
        if (votes * 3 <= total * 2) revert NotEnoughVotes(votes, total);
    }
}
