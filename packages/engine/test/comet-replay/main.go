// Command comet-replay has CometBFT v0.38.25 itself execute a chain that the embedded engine made:
// its block executor validates and applies every block, its evidence pool checks the evidence, and
// its state computes validator sets, turns, times and hashes of its own. The application is replaced by
// the recorded answers. Any difference ends it with an error. See cometReplay.long.test.ts.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/evidence"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"
)

type hexBytes []byte

func (b *hexBytes) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	decoded, err := hex.DecodeString(text[2:])
	*b = decoded
	return err
}

type chain struct {
	ChainID         string
	TimeNs          int64 `json:",string"`
	InitialHeight   int64 `json:",string"`
	AppVersion      uint64
	AppHash         hexBytes
	ConsensusParams hexBytes
	Validators      []struct {
		PublicKey hexBytes
		Power     int64 `json:",string"`
	}
	Blocks []struct {
		Block, Commit, Response hexBytes
	}
}

type recorded struct {
	abci.BaseApplication
	answers map[int64]*abci.ResponseFinalizeBlock
}

func (app *recorded) FinalizeBlock(_ context.Context, request *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	return app.answers[request.Height], nil
}

func main() {
	var input chain
	raw, err := os.ReadFile(os.Args[1])
	must(err)
	must(json.Unmarshal(raw, &input))

	current := genesis(input)
	states := state.NewStore(dbm.NewMemDB(), state.StoreOptions{})
	must(states.Save(current))
	blocks := store.NewBlockStore(dbm.NewMemDB())
	pool, err := evidence.NewPool(dbm.NewMemDB(), states, blocks)
	must(err)
	app := &recorded{answers: map[int64]*abci.ResponseFinalizeBlock{}}
	connections := proxy.NewAppConns(proxy.NewLocalClientCreator(app), proxy.NopMetrics())
	must(connections.Start())
	executor := state.NewBlockExecutor(states, log.NewNopLogger(), connections.Consensus(), &mempool.NopMempool{}, pool, blocks)

	misbehavior, rounds := 0, map[int32]int{}
	for _, entry := range input.Blocks {
		block, commit := decode(entry.Block, entry.Commit)
		answer := &abci.ResponseFinalizeBlock{}
		must(answer.Unmarshal(entry.Response))
		app.answers[block.Height] = answer

		parts, err := block.MakePartSet(types.BlockPartSizeBytes)
		must(err)
		id := types.BlockID{Hash: block.Hash(), PartSetHeader: parts.Header()}
		set := current.Validators.Copy()
		if commit.Round > 0 {
			set.IncrementProposerPriority(commit.Round)
		}
		if !bytes.Equal(set.GetProposer().Address, block.ProposerAddress) {
			panic(fmt.Sprintf("height %d was proposed by the wrong validator", block.Height))
		}
		checkExtensions(input.ChainID, current.Validators, commit)
		must(current.Validators.VerifyCommit(input.ChainID, id, block.Height, commit.ToCommit()))
		current, err = executor.ApplyBlock(current, id, block)
		must(err)
		blocks.SaveBlockWithExtendedCommit(block, parts, commit)
		misbehavior += len(block.Evidence.Evidence)
		rounds[commit.Round]++
	}
	fmt.Printf("CometBFT applied %d blocks with %d pieces of evidence; rounds %v\n", len(input.Blocks), misbehavior, rounds)
}

func genesis(input chain) state.State {
	var encoded cmtproto.ConsensusParams
	must(encoded.Unmarshal(input.ConsensusParams))
	params := types.ConsensusParamsFromProto(encoded)
	params.Version.App = input.AppVersion
	document := &types.GenesisDoc{
		GenesisTime: time.Unix(0, input.TimeNs).UTC(), ChainID: input.ChainID, InitialHeight: input.InitialHeight,
		ConsensusParams: &params, AppHash: []byte(input.AppHash),
	}
	for _, validator := range input.Validators {
		key := ed25519.PubKey(validator.PublicKey)
		document.Validators = append(document.Validators, types.GenesisValidator{PubKey: key, Power: validator.Power})
	}
	must(document.ValidateAndComplete())
	made, err := state.MakeGenesisState(document)
	must(err)
	made.Version.Consensus.App = input.AppVersion
	// MakeGenesisState leaves this for the handshake with the application to fill in.
	made.LastResultsHash = types.NewResults(nil).Hash()
	return made
}

func decode(encodedBlock, encodedCommit []byte) (*types.Block, *types.ExtendedCommit) {
	var block cmtproto.Block
	must(block.Unmarshal(encodedBlock))
	made, err := types.BlockFromProto(&block)
	must(err)
	var commit cmtproto.ExtendedCommit
	must(commit.Unmarshal(encodedCommit))
	extended, err := types.ExtendedCommitFromProto(&commit)
	must(err)
	must(extended.EnsureExtensions(true))
	return made, extended
}

func checkExtensions(chainID string, set *types.ValidatorSet, commit *types.ExtendedCommit) {
	for index, entry := range commit.ExtendedSignatures {
		if entry.BlockIDFlag != types.BlockIDFlagCommit {
			continue
		}
		vote := commit.GetExtendedVote(int32(index))
		must(vote.VerifyExtension(chainID, set.Validators[index].PubKey))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
