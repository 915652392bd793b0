// Command comet-oracle writes spec/vectors/comet.json: what CometBFT v0.38.25 itself computes for
// blocks, votes, validator sets and times drawn from a fixed seed. The TypeScript formats are tested
// against that file. Run it from this folder, and only to make the file anew:
//
//	go mod tidy && go run . > ../../../../spec/vectors/comet.json
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"
)

type object = map[string]any

var random = rand.New(rand.NewSource(38))

func main() {
	out := object{
		"source":          "computed by github.com/cometbft/cometbft v0.38.25 (packages/formats/test/comet-oracle)",
		"signBytes":       signBytes(),
		"blocks":          blocks(),
		"validatorTraces": validatorTraces(),
		"consensusParams": consensusParams(),
		"results":         results(),
		"times":           times(),
		"finalizeBlock":   finalizeBlock(),
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	must(encoder.Encode(out))
}

func signBytes() []object {
	moments := []time.Time{
		{}, time.Unix(0, 0).UTC(), time.Unix(-1, 5).UTC(), time.Unix(1_700_000_000, 1).UTC(),
		time.Unix(1_700_000_000, 999_999_999).UTC(), time.Unix(253402300799, 999999999).UTC(),
	}
	var list []object
	for i, moment := range moments {
		vote := &types.Vote{
			Type: cmtproto.PrecommitType, Height: int64(i) * 1_000_000_007, Round: int32(i),
			Timestamp: moment, Extension: randomBytes(i * 50),
		}
		if i%2 == 1 {
			vote.BlockID = blockID()
		}
		chain := []string{"", "palisade-1", "鎖-chain"}[i%3]
		list = append(list, object{
			"chainId": chain, "height": num(vote.Height), "round": vote.Round, "timeNs": ns(moment),
			"blockId": idOf(vote.BlockID), "extension": hx(vote.Extension),
			"vote":          hx(types.VoteSignBytes(chain, vote.ToProto())),
			"voteExtension": hx(types.VoteExtensionSignBytes(chain, vote.ToProto())),
		})
	}
	return list
}

// blocks makes a chain of blocks with real commits; every commit is checked by CometBFT first.
func blocks() object {
	const chain = "palisade-vectors"
	keys := make([]ed25519.PrivKey, 5)
	validators := make([]*types.Validator, 5)
	for i := range keys {
		keys[i] = ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprintf("comet vector key %d", i)))
		validators[i] = types.NewValidator(keys[i].PubKey(), int64(10*(i+1)))
	}
	set := types.NewValidatorSet(validators)
	byAddress := map[string]ed25519.PrivKey{}
	for _, key := range keys {
		byAddress[key.PubKey().Address().String()] = key
	}
	lastID, lastCommit := types.BlockID{}, &types.Commit{}
	moment := time.Unix(1_750_000_000, 123_456_789).UTC()
	var list []object
	for height := int64(1); height <= 6; height++ {
		var evidence []types.Evidence
		if height == 4 {
			evidence = append(evidence, duplicateVote(chain, set, keys[2], moment))
		}
		var txs []types.Tx
		for i := 0; i < int(height-1)*2; i++ {
			txs = append(txs, randomBytes(random.Intn(200)))
		}
		if height == 5 {
			txs = append(txs, randomBytes(66_000))
		}
		block := types.MakeBlock(height, txs, lastCommit, evidence)
		block.Header.Populate(
			cmtversion.Consensus{Block: 11, App: uint64(height)}, chain, moment, lastID,
			set.Hash(), set.Hash(), types.DefaultConsensusParams().Hash(), randomBytes(32),
			randomBytes(32), set.GetProposer().Address,
		)
		parts, err := block.MakePartSet(types.BlockPartSizeBytes)
		must(err)
		id := types.BlockID{Hash: block.Hash(), PartSetHeader: parts.Header()}
		commit := sign(chain, set, byAddress, height, id, moment)
		must(set.VerifyCommit(chain, id, height, commit))
		median, err := state.MedianTime(commit, set)
		must(err)
		body, err := block.ToProto()
		must(err)
		encoded, err := body.Marshal()
		must(err)
		seen, err := commit.ToProto().Marshal()
		must(err)
		list = append(list, object{
			"block": hx(encoded), "id": idOf(id), "commit": hx(seen),
			"commitHash": hx(commit.Hash()), "dataHash": hx(block.DataHash),
			"lastCommitHash": hx(block.LastCommitHash), "evidenceHash": hx(block.EvidenceHash),
			"medianTimeNs": ns(median),
		})
		lastID, lastCommit, moment = id, commit, median
	}
	body, err := set.ToProto()
	must(err)
	encodedSet, err := body.Marshal()
	must(err)
	return object{"chainId": chain, "validatorSet": hx(encodedSet), "validatorsHash": hx(set.Hash()), "blocks": list}
}

func sign(chain string, set *types.ValidatorSet, keys map[string]ed25519.PrivKey, height int64,
	id types.BlockID, after time.Time) *types.Commit {
	commit := &types.Commit{Height: height, Round: int32(height % 3), BlockID: id}
	for i, validator := range set.Validators {
		flag := types.BlockIDFlagCommit
		if height > 2 && i == 4 {
			flag = types.BlockIDFlagAbsent
		}
		if height > 3 && i == 3 {
			flag = types.BlockIDFlagNil
		}
		if flag == types.BlockIDFlagAbsent {
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
			continue
		}
		commit.Signatures = append(commit.Signatures, types.CommitSig{
			BlockIDFlag: flag, ValidatorAddress: validator.Address,
			Timestamp: after.Add(time.Duration(1 + random.Int63n(2_000_000_000))),
		})
		signature, err := keys[validator.Address.String()].Sign(commit.VoteSignBytes(chain, int32(i)))
		must(err)
		commit.Signatures[i].Signature = signature
	}
	return commit
}

func duplicateVote(chain string, set *types.ValidatorSet, key ed25519.PrivKey, moment time.Time) types.Evidence {
	index, _ := set.GetByAddress(key.PubKey().Address())
	votes := make([]*types.Vote, 2)
	for i := range votes {
		votes[i] = &types.Vote{
			Type: cmtproto.PrecommitType, Height: 3, Round: 1, BlockID: blockID(), Timestamp: moment,
			ValidatorAddress: key.PubKey().Address(), ValidatorIndex: index,
		}
		signature, err := key.Sign(types.VoteSignBytes(chain, votes[i].ToProto()))
		must(err)
		votes[i].Signature = signature
	}
	evidence, err := types.NewDuplicateVoteEvidence(votes[0], votes[1], moment, set)
	must(err)
	must(evidence.ValidateBasic())
	return evidence
}

// validatorTraces applies random changes and turns, and records the whole set after each.
func validatorTraces() []object {
	var traces []object
	for trace := 0; trace < 6; trace++ {
		width := int64(1) << (10 * (trace % 5))
		var pool [][]byte
		for i := 0; i < 7; i++ {
			pool = append(pool, ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprintf("%d/%d", trace, i))).PubKey().Bytes())
		}
		powers := map[int]int64{}
		var first []*types.Validator
		var genesis []object
		for i := 0; i < 3; i++ {
			powers[i] = 1 + random.Int63n(width)
			first = append(first, types.NewValidator(ed25519.PubKey(pool[i]), powers[i]))
			genesis = append(genesis, object{"publicKey": hx(pool[i]), "power": num(powers[i])})
		}
		set := types.NewValidatorSet(first)
		steps := []object{{"updates": genesis, "turns": 0, "set": dump(set)}}
		for step := 0; step < 9; step++ {
			var changes []*types.Validator
			var updates []object
			for i := range pool {
				if random.Intn(3) > 0 {
					continue
				}
				power := random.Int63n(width * int64(1+random.Intn(1000)))
				if random.Intn(3) == 0 {
					power = 0
				}
				if power == 0 && (powers[i] == 0 || left(powers) == 1) {
					continue
				}
				powers[i] = power
				changes = append(changes, types.NewValidator(ed25519.PubKey(pool[i]), power))
				updates = append(updates, object{"publicKey": hx(pool[i]), "power": num(power)})
			}
			must(set.UpdateWithChangeSet(changes))
			turns := 1 + random.Intn(4)
			set.IncrementProposerPriority(int32(turns))
			steps = append(steps, object{"updates": updates, "turns": turns, "set": dump(set)})
		}
		traces = append(traces, object{"steps": steps})
	}
	return traces
}

func left(powers map[int]int64) int {
	count := 0
	for _, power := range powers {
		if power > 0 {
			count++
		}
	}
	return count
}

func dump(set *types.ValidatorSet) object {
	var validators []object
	for _, validator := range set.Validators {
		validators = append(validators, object{
			"address": hx(validator.Address), "publicKey": hx(validator.PubKey.Bytes()),
			"power": num(validator.VotingPower), "priority": num(validator.ProposerPriority),
		})
	}
	return object{
		"validators": validators, "proposer": hx(set.GetProposer().Address),
		"totalPower": num(set.TotalVotingPower()), "hash": hx(set.Hash()),
	}
}

func consensusParams() []object {
	var list []object
	for _, sizes := range [][2]int64{{22020096, -1}, {1, 0}, {-1, 5_000_000}, {104857600, 1 << 40}} {
		params := types.DefaultConsensusParams()
		params.Block.MaxBytes, params.Block.MaxGas = sizes[0], sizes[1]
		params.ABCI.VoteExtensionsEnableHeight = 1
		params.Version.App = 7
		body := params.ToProto()
		encoded, err := body.Marshal()
		must(err)
		entry := object{
			"maxBytes": num(sizes[0]), "maxGas": num(sizes[1]),
			"hash": hx(params.Hash()), "encoded": hx(encoded),
		}
		if sizes[0] > 10_000 {
			entry["maxDataBytes"] = num(types.MaxDataBytes(sizes[0], 1000, 7))
		}
		list = append(list, entry)
	}
	return list
}

func results() []object {
	var list []object
	for count := 0; count < 5; count++ {
		var plain []object
		var full []*abci.ExecTxResult
		for i := 0; i < count; i++ {
			result := &abci.ExecTxResult{
				Code: uint32(i * 77), Data: randomBytes(i * 9), Log: "ignored", Info: "ignored",
				GasWanted: int64(i) * 1_000_000_000_000, GasUsed: int64(i) - 1, Codespace: "ignored",
				Events: []abci.Event{{Type: "ignored"}},
			}
			full = append(full, result)
			plain = append(plain, object{
				"code": result.Code, "data": hx(result.Data),
				"gasWanted": num(result.GasWanted), "gasUsed": num(result.GasUsed),
			})
		}
		list = append(list, object{"results": plain, "hash": hx(types.NewResults(full).Hash())})
	}
	return list
}

func finalizeBlock() []object {
	version := cmtproto.VersionParams{App: 3}
	key := ed25519.GenPrivKeyFromSecret([]byte("update")).PubKey().Bytes()
	var list []object
	for _, response := range []abci.ResponseFinalizeBlock{
		{},
		{
			Events: []abci.Event{{Type: "a", Attributes: []abci.EventAttribute{{Key: "k", Value: "鎖", Index: true}, {}}}},
			TxResults: []*abci.ExecTxResult{
				{},
				{Code: 5, Data: []byte{1}, Log: "l", Info: "i", GasWanted: 1 << 40, GasUsed: -1, Codespace: "c",
					Events: []abci.Event{{Type: "e"}}},
			},
			ValidatorUpdates:      []abci.ValidatorUpdate{abci.UpdateValidator(key, 9, ""), abci.UpdateValidator(key, 0, "")},
			ConsensusParamUpdates: &cmtproto.ConsensusParams{Version: &version},
			AppHash:               []byte{7, 8},
		},
	} {
		encoded, err := response.Marshal()
		must(err)
		list = append(list, object{"encoded": hx(encoded)})
	}
	return list
}

// times records the median of random commits (no signatures: only times and powers matter).
func times() []object {
	var list []object
	for round := 0; round < 12; round++ {
		count := 1 + random.Intn(6)
		var validators []*types.Validator
		for i := 0; i < count; i++ {
			key := ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprintf("time %d/%d", round, i)))
			validators = append(validators, types.NewValidator(key.PubKey(), 1+random.Int63n(20)))
		}
		set := types.NewValidatorSet(validators)
		commit := &types.Commit{Height: 1}
		var votes []object
		for _, validator := range set.Validators {
			moment := time.Unix(1_700_000_000, random.Int63n(5_000_000_000)).UTC()
			commit.Signatures = append(commit.Signatures, types.CommitSig{
				BlockIDFlag: types.BlockIDFlagCommit, ValidatorAddress: validator.Address, Timestamp: moment,
			})
			votes = append(votes, object{
				"publicKey": hx(validator.PubKey.Bytes()), "power": num(validator.VotingPower), "timeNs": ns(moment),
			})
		}
		median, err := state.MedianTime(commit, set)
		must(err)
		list = append(list, object{"votes": votes, "medianTimeNs": ns(median)})
	}
	return list
}

func blockID() types.BlockID {
	return types.BlockID{
		Hash:          randomBytes(32),
		PartSetHeader: types.PartSetHeader{Total: uint32(1 + random.Intn(300)), Hash: randomBytes(32)},
	}
}

func idOf(id types.BlockID) object {
	return object{"hash": hx(id.Hash), "total": id.PartSetHeader.Total, "partsHash": hx(id.PartSetHeader.Hash)}
}

func randomBytes(length int) []byte {
	bytes := make([]byte, length)
	random.Read(bytes)
	return bytes
}

func hx(bytes []byte) string { return "0x" + hex.EncodeToString(bytes) }
func num(value int64) string { return fmt.Sprint(value) }

// ns counts from 1970 in nanoseconds; the year 1 does not fit an int64, hence the two parts.
func ns(moment time.Time) string {
	return fmt.Sprintf("%d.%09d", moment.Unix(), moment.Nanosecond())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
