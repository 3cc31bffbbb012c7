// Package afpacket has what gor uses of gopacket's package, without C: nothing can be captured.
package afpacket

import (
	"errors"
	"time"

	"github.com/google/gopacket"
	"golang.org/x/net/bpf"
)

var errLeftOut = errors.New("this build of gor cannot capture packets")

type (
	OptInterface      string
	OptFrameSize      int
	OptBlockSize      int
	OptNumBlocks      int
	OptAddVLANHeader  bool
	OptPollTimeout    time.Duration
	OptSocketType     int
	OptTPacketVersion int
	SocketStats       struct{}
	SocketStatsV3     struct{}
	TPacket           struct{}
)

const (
	SocketRaw       OptSocketType     = 0
	TPacketVersion3 OptTPacketVersion = 0
)

func NewTPacket(...interface{}) (*TPacket, error) { return nil, errLeftOut }

func (*TPacket) ReadPacketData() ([]byte, gopacket.CaptureInfo, error) {
	return nil, gopacket.CaptureInfo{}, errLeftOut
}

func (*TPacket) SetBPF([]bpf.RawInstruction) error { return errLeftOut }
func (*TPacket) Close()                            {}

func (*TPacket) SocketStats() (SocketStats, SocketStatsV3, error) {
	return SocketStats{}, SocketStatsV3{}, errLeftOut
}
