// Package pcap has what gor uses of gopacket's package, without libpcap: nothing can be captured.
//
// So gor is one static program, for any platform, that needs neither C's library nor the right to read packets.
package pcap

import (
	"errors"
	"net"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

const BlockForever = -time.Millisecond * 10

var (
	CannotSetRFMon = errors.New("cannot set rfmon for this handle")
	errLeftOut     = errors.New("this build of gor cannot capture packets")
)

type Interface struct {
	Name        string
	Description string
	Flags       uint32
	Addresses   []InterfaceAddress
}

type InterfaceAddress struct {
	IP        net.IP
	Netmask   net.IPMask
	Broadaddr net.IP
	P2P       net.IP
}

type Stats struct {
	PacketsReceived, PacketsDropped, PacketsIfDropped int
}

type BPFInstruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

type NextError int32

const NextErrorTimeoutExpired NextError = 0

func (NextError) Error() string { return errLeftOut.Error() }

type TimestampSource int

func (TimestampSource) String() string { return "" }

type Handle struct{}

func (*Handle) ReadPacketData() ([]byte, gopacket.CaptureInfo, error) {
	return nil, gopacket.CaptureInfo{}, errLeftOut
}

func (*Handle) SetBPFFilter(string) error { return errLeftOut }
func (*Handle) LinkType() layers.LinkType { return layers.LinkTypeNull }
func (*Handle) Stats() (*Stats, error)    { return nil, errLeftOut }
func (*Handle) Close()                    {}

type InactiveHandle struct{}

func (*InactiveHandle) Activate() (*Handle, error)               { return nil, errLeftOut }
func (*InactiveHandle) CleanUp()                                 {}
func (*InactiveHandle) SetSnapLen(int) error                     { return errLeftOut }
func (*InactiveHandle) SetPromisc(bool) error                    { return errLeftOut }
func (*InactiveHandle) SetTimeout(time.Duration) error           { return errLeftOut }
func (*InactiveHandle) SetRFMon(bool) error                      { return errLeftOut }
func (*InactiveHandle) SetBufferSize(int) error                  { return errLeftOut }
func (*InactiveHandle) SetTimestampSource(TimestampSource) error { return errLeftOut }
func (*InactiveHandle) SupportedTimestamps() []TimestampSource   { return nil }

func NewInactiveHandle(string) (*InactiveHandle, error)                       { return nil, errLeftOut }
func OpenOffline(string) (*Handle, error)                                     { return nil, errLeftOut }
func FindAllDevs() ([]Interface, error)                                       { return nil, errLeftOut }
func TimestampSourceFromString(string) (TimestampSource, error)               { return 0, errLeftOut }
func CompileBPFFilter(layers.LinkType, int, string) ([]BPFInstruction, error) { return nil, errLeftOut }
