// Command stand_in takes Fluent Bit's place in the tests, on machines that cannot get it: it takes the same options, and
// reads the same files of the kernel as its process exporter, as the same user. What it leaves out nginx does not read.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const ticks = 100 // per second; Fluent Bit divides whole numbers as well

func main() {
	properties := map[string]string{}
	for _, name := range []string{"flush", "input", "output", "match"} {
		flag.String(name, "", "as Fluent Bit's")
	}
	flag.Func("prop", "as Fluent Bit's", func(text string) error {
		name, value, _ := strings.Cut(text, "=")
		properties[name] = value
		return nil
	})
	flag.Parse()
	http.HandleFunc("/metrics", func(answer http.ResponseWriter, _ *http.Request) {
		for _, path := range processes() {
			fmt.Fprint(answer, samples(path))
		}
	})
	log.Fatal(http.ListenAndServe(properties["host"]+":"+properties["port"], nil))
}

func processes() []string {
	found, _ := filepath.Glob("/proc/[0-9]*")
	return found
}

// samples of one process; empty if it has ended.
func samples(path string) string {
	stat, err := os.ReadFile(path + "/stat")
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), "(")
	name, after, _ := strings.Cut(after, ")")
	fields := strings.Fields(after)
	who := fmt.Sprintf("name=%q,pid=%q,ppid=%q", name, filepath.Base(path), fields[1])
	text := sample("cpu_seconds_total", who+`,mode="user"`, number(fields[11])/ticks) +
		sample("cpu_seconds_total", who+`,mode="system"`, number(fields[12])/ticks) +
		sample("memory_bytes", who+`,type="rss"`, number(fields[21])*os.Getpagesize())
	return text + restricted(path, who)
}

// restricted is what the kernel shows to the same user and group only.
func restricted(path, who string) string {
	text := ""
	if io, err := os.ReadFile(path + "/io"); err == nil {
		lines := strings.Fields(string(io))
		for i := 0; i+1 < len(lines); i++ {
			switch lines[i] {
			case "read_bytes:":
				text += sample("read_bytes_total", who, number(lines[i+1]))
			case "write_bytes:":
				text += sample("write_bytes_total", who, number(lines[i+1]))
			}
		}
	}
	if files, err := os.ReadDir(path + "/fd"); err == nil {
		text += sample("open_filedesc", who, len(files))
	}
	return text
}

func sample(name, labels string, value int) string {
	return fmt.Sprintf("process_%s{%s} %d\n", name, labels, value)
}

func number(text string) int {
	value, _ := strconv.Atoi(text)
	return value
}
