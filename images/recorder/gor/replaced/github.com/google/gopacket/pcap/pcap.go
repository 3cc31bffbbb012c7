// Package pcap has what gor uses of gopacket's package, with a socket of Linux instead of libpcap.
//
// So gor is one static program that needs no C. What it reads is decided here, whatever filter it is given: TCP over IPv4
// from and to the ports of its filter, on interfaces with an address; packets on the loopback interface once, not twice.
package pcap

import (
	"errors"
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/net/bpf"
)

const (
	BlockForever = -time.Millisecond * 10
	outgoing     = 4 // PACKET_OUTGOING of Linux
	whole        = 1 << 18
)

var (
	CannotSetRFMon = errors.New("cannot set rfmon for this handle")
	errLeftOut     = errors.New("this build of gor does not have that")
	errPorts       = errors.New("this build of gor captures from and to 1 to 16 named ports")
	portsOf        = regexp.MustCompile(`\bport ([0-9]{1,5})\b`)
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

func (NextError) Error() string { return "timeout" }

type TimestampSource int

func (TimestampSource) String() string { return "" }

type Handle struct {
	socket            *pcapgo.EthernetHandle
	received, dropped int
}

func (h *Handle) ReadPacketData() ([]byte, gopacket.CaptureInfo, error) {
	return h.socket.ReadPacketData()
}

func (h *Handle) SetBPFFilter(expression string) error {
	instructions, err := filter(expression)
	if err != nil {
		return err
	}
	return h.socket.SetBPF(instructions)
}

func (*Handle) LinkType() layers.LinkType { return layers.LinkTypeEthernet }

// Stats returns sums since the start, as libpcap does; the socket's are since they were last read.
func (h *Handle) Stats() (*Stats, error) {
	if latest, err := h.socket.Stats(); err == nil {
		h.received += int(latest.Packets)
		h.dropped += int(latest.Drops)
	}
	return &Stats{PacketsReceived: h.received, PacketsDropped: h.dropped}, nil
}

func (h *Handle) Close() { h.socket.Close() }

type InactiveHandle struct {
	name    string
	longest int
}

func NewInactiveHandle(name string) (*InactiveHandle, error) { return &InactiveHandle{name: name}, nil }

func (i *InactiveHandle) Activate() (*Handle, error) {
	socket, err := pcapgo.NewEthernetHandle(i.name)
	if err != nil {
		return nil, err
	}
	if err := socket.SetCaptureLength(i.longest); err != nil {
		return nil, err
	}
	return &Handle{socket: socket}, nil
}

func (i *InactiveHandle) SetSnapLen(longest int) error           { i.longest = longest; return nil }
func (*InactiveHandle) CleanUp()                                 {}
func (*InactiveHandle) SetTimeout(time.Duration) error           { return nil }
func (*InactiveHandle) SetPromisc(bool) error                    { return errLeftOut }
func (*InactiveHandle) SetRFMon(bool) error                      { return errLeftOut }
func (*InactiveHandle) SetBufferSize(int) error                  { return errLeftOut }
func (*InactiveHandle) SetTimestampSource(TimestampSource) error { return errLeftOut }
func (*InactiveHandle) SupportedTimestamps() []TimestampSource   { return nil }

func OpenOffline(string) (*Handle, error)                       { return nil, errLeftOut }
func TimestampSourceFromString(string) (TimestampSource, error) { return 0, errLeftOut }

func CompileBPFFilter(layers.LinkType, int, string) ([]BPFInstruction, error) {
	return nil, errLeftOut
}

// FindAllDevs returns the interfaces with their addresses.
func FindAllDevs() ([]Interface, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []Interface
	for _, each := range found {
		addresses, err := each.Addrs()
		if err != nil {
			return nil, err
		}
		described := Interface{Name: each.Name, Flags: uint32(each.Flags)}
		for _, address := range addresses {
			if network, ok := address.(*net.IPNet); ok {
				described.Addresses = append(described.Addresses, InterfaceAddress{IP: network.IP, Netmask: network.Mask})
			}
		}
		all = append(all, described)
	}
	return all, nil
}

// filter accepts TCP over IPv4 from or to the ports that an expression names, but for packets that leave: on a loopback
// interface, each is also received.
func filter(expression string) ([]bpf.RawInstruction, error) {
	ports, err := named(expression)
	if err != nil {
		return nil, err
	}
	accept := 9 + 2*len(ports)
	refuse := accept + 1
	var program []bpf.Instruction
	add := func(instruction bpf.Instruction) { program = append(program, instruction) }
	to := func(index int) uint8 { return uint8(index - len(program) - 1) }
	add(bpf.LoadExtension{Num: bpf.ExtType})
	add(bpf.JumpIf{Cond: bpf.JumpEqual, Val: outgoing, SkipTrue: to(refuse)})
	add(bpf.LoadAbsolute{Off: 12, Size: 2})
	add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x0800, SkipTrue: to(refuse)})
	add(bpf.LoadAbsolute{Off: 23, Size: 1})
	add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 6, SkipTrue: to(refuse)})
	add(bpf.LoadMemShift{Off: 14})
	for _, offset := range []uint32{14, 16} {
		add(bpf.LoadIndirect{Off: offset, Size: 2})
		for _, port := range ports {
			add(bpf.JumpIf{Cond: bpf.JumpEqual, Val: port, SkipTrue: to(accept)})
		}
	}
	program[accept-1] = bpf.JumpIf{Cond: bpf.JumpEqual, Val: ports[len(ports)-1], SkipFalse: 1}
	add(bpf.RetConstant{Val: whole})
	add(bpf.RetConstant{Val: 0})
	return bpf.Assemble(program)
}

func named(expression string) ([]uint32, error) {
	var ports []uint32
	seen := map[uint64]bool{}
	for _, found := range portsOf.FindAllStringSubmatch(expression, -1) {
		port, err := strconv.ParseUint(found[1], 10, 16)
		if err != nil {
			return nil, err
		}
		if !seen[port] {
			seen[port] = true
			ports = append(ports, uint32(port))
		}
	}
	if len(ports) == 0 || len(ports) > 16 {
		return nil, errPorts
	}
	return ports, nil
}
