package checks

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The words of the column STATUS.
const (
	statusPassed  = "√ PASSED"
	statusWarning = "! WARNING"
	statusFailed  = "X FAILED"
)

// messageWidth is how many characters of a message a verbose table shows.
const messageWidth = 70

// WriteTable writes a table for people: a row for each connector with what did
// not succeed in it, or with verbose a row for each check. It writes nothing
// when there are no results.
func (r Report) WriteTable(w io.Writer, verbose bool) error {
	if len(r) == 0 {
		return nil
	}
	rows := [][]string{{"CONNECTOR", "STATUS", "ERRORS"}}
	if verbose {
		rows = [][]string{{"CONNECTOR", "CHECK", "ID", "TAGS", "STATUS", "MESSAGE"}}
	}
	for _, group := range r.byConnector() {
		if verbose {
			rows = append(rows, group.verboseRow())
		} else {
			rows = append(rows, group.row())
		}
	}
	if _, err := io.WriteString(w, columns(rows)); err != nil {
		return fmt.Errorf("writing the table of checks: %w", err)
	}
	return nil
}

// row is that of a connector. Line breaks separate the lines of a cell.
func (r Report) row() []string {
	status := statusPassed
	var lines []string
	c := r.count()
	if c.failed > 0 {
		status = statusFailed
	}
	for _, result := range r {
		if !result.Success() {
			lines = append(lines, fmt.Sprintf("(%d/%d) %s: %s", len(lines)+1, c.failed+c.warned, oneLine(result.Name), oneLine(result.Message)))
		}
	}
	return []string{oneLine(r[0].Connector), status, strings.Join(lines, "\n")}
}

func (r Report) verboseRow() []string {
	var cells [5][]string
	for _, result := range r {
		status := statusPassed
		switch {
		case result.Failed():
			status = statusFailed
		case !result.Success():
			status = statusWarning
		}
		for i, text := range []string{
			oneLine(result.Name), result.ID, orDash(strings.Join(result.Tags, ", ")), status, orDash(shorten(result.Message)),
		} {
			cells[i] = append(cells[i], text)
		}
	}
	row := []string{oneLine(r[0].Connector)}
	for _, lines := range cells {
		row = append(row, strings.Join(lines, "\n"))
	}
	return row
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// oneLine collapses whitespace, and drops what could move the cursor of a
// terminal.
func oneLine(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// shorten cuts a message behind a word, so that it fits with the mark of the
// cut. A single word that does not fit is cut where it has to be.
func shorten(text string) string {
	const mark = " [...]"
	text = oneLine(text)
	if utf8.RuneCountInString(text) <= messageWidth {
		return text
	}
	room := messageWidth - len(mark)
	head := string([]rune(text)[:room+1])
	if at := strings.LastIndexByte(head, ' '); at > 0 {
		return head[:at] + mark
	}
	return string([]rune(text)[:room]) + mark
}

// columns lays rows out with two blanks between columns. A cell takes as many
// lines as it has, and nothing is written behind the last text of a line.
func columns(rows [][]string) string {
	var widths []int
	cells := make([][][]string, len(rows))
	for i, row := range rows {
		for j, cell := range row {
			lines := strings.Split(cell, "\n")
			cells[i] = append(cells[i], lines)
			if j == len(widths) {
				widths = append(widths, 0)
			}
			for _, line := range lines {
				widths[j] = max(widths[j], utf8.RuneCountInString(line))
			}
		}
	}
	var out strings.Builder
	for _, row := range cells {
		height := 0
		for _, cell := range row {
			height = max(height, len(cell))
		}
		for n := range height {
			var line strings.Builder
			for j, cell := range row {
				text := ""
				if n < len(cell) {
					text = cell[n]
				}
				line.WriteString(text)
				line.WriteString(strings.Repeat(" ", widths[j]-utf8.RuneCountInString(text)+2))
			}
			out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		}
	}
	return out.String()
}
