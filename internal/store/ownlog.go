package store

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// ErrForeignLog means that the write-ahead log beside a file belongs to another database, most likely to the one that was there before
// a backup was put in its place. SQLite would play it into the file: of a small log the old state comes back without a word, of a
// large one the file is ruined. Neither was changed.
var ErrForeignLog = errors.New("the write-ahead log beside the database belongs to another database")

// A database and its log are told to belong together by a number in the first page, SQLite's user_version, which nothing else here
// uses. Every new database has one that was drawn by lot, every backup another, and the writer draws the next right after a log has
// restarted; the one before it stands beside it then, as the application_id. The page in the file therefore has the number on which the
// log began, or one that is in the log and was moved to the file from there. Every other database, an older copy of this one and a copy
// that went its own way have another. (A copy with the very number on which the log began is the file as it was then: nobody can tell
// them apart.)

// What is read of the file formats of SQLite (sqlite.org/fileformat2.html). All numbers are big-endian.
const (
	fileHeaderSize = 100
	readVersionAt  = 19 // 2: the file has a write-ahead log when it is open; 1: it never had one, as in a copy that VACUUM INTO wrote
	userVersionAt  = 60
	applicationAt  = 68

	logHeaderSize   = 32
	logFrameHeader  = 24
	logMagic        = 0x377f0682 // and one more when checksums are of big-endian words
	logPageSizeAt   = 8
	logSaltsAt      = 16
	logSaltsSize    = 8
	logChecksumAt   = 24
	frameCommitAt   = 4 // how many pages the database has after the commit that ends with this frame; 0: it goes on
	frameSaltsAt    = 8
	frameChecksumAt = 16
)

// logFile is where SQLite keeps the write-ahead log of a database.
func logFile(path string) string { return path + "-wal" }

// checkOwnLog fails with ErrForeignLog when what is in the log beside a file was not written to that file. It opens neither with SQLite.
func checkOwnLog(path string) error {
	log, err := readLog(logFile(path))
	if err != nil || !log.commits {
		return err // a log without a whole commit is none
	}
	header := make([]byte, fileHeaderSize)
	switch n, err := readStart(path, header); {
	case err != nil:
		return err
	case n < fileHeaderSize, header[readVersionAt] != 2:
		return foreign(path)
	}
	if number := binary.BigEndian.Uint32(header[userVersionAt:]); len(log.numbers) > 0 && !slices.Contains(log.numbers, number) {
		return foreign(path)
	}
	return nil
}

func foreign(path string) error {
	return fmt.Errorf("%w: if %s is the database that you want, for example a backup that you put there, remove %s and start again (latchkey restore does both); if not, put the database back that the log belongs to",
		ErrForeignLog, path, logFile(path))
}

// readStart reads as much of the beginning of a file as there is.
func readStart(path string, into []byte) (n int, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, withoutPath(err)
	}
	if n, err = io.ReadFull(f, into); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, errors.Join(err, f.Close())
}

// writtenLog is what is to be known of a write-ahead log.
type writtenLog struct {
	commits bool     // it has a whole commit
	numbers []uint32 // that the database can have: the one on which the log began, and those since; none when no commit has the first page
}

// readLog reads the commits of a log, as SQLite will: up to the first frame that is of an older log or was not written whole.
func readLog(path string) (log writtenLog, err error) {
	f, err := os.Open(path) //nolint:gosec // beside the file that the operator names
	if errors.Is(err, fs.ErrNotExist) {
		return log, nil
	}
	if err != nil {
		return log, withoutPath(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := bufio.NewReaderSize(f, 1<<20)
	header := make([]byte, logHeaderSize)
	if _, err := io.ReadFull(in, header); err != nil {
		return log, atEnd(err)
	}
	magic, size := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[logPageSizeAt:])
	if magic&^1 != logMagic || size < 512 || size > 65536 || size&(size-1) != 0 {
		return log, nil
	}
	sum := logSum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	if sum.add(header[:logChecksumAt]); !sum.is(header[logChecksumAt:]) {
		return log, nil
	}
	frame := make([]byte, logFrameHeader+size)
	frames := 0             // of the commit that is being read
	for pending := log; ; { // with it
		if _, err := io.ReadFull(in, frame); err != nil {
			return log, atEnd(err)
		}
		sum.add(frame[:frameSaltsAt])
		sum.add(frame[logFrameHeader:])
		if string(frame[frameSaltsAt:frameChecksumAt]) != string(header[logSaltsAt:logSaltsAt+logSaltsSize]) || !sum.is(frame[frameChecksumAt:]) {
			return log, nil
		}
		frames++
		ends := binary.BigEndian.Uint32(frame[frameCommitAt:]) != 0
		if binary.BigEndian.Uint32(frame) == 1 {
			number := binary.BigEndian.Uint32(frame[logFrameHeader+userVersionAt:])
			if len(pending.numbers) == 0 && ends && frames == 1 { // a commit of nothing else is what drew one
				pending.numbers = append(pending.numbers, binary.BigEndian.Uint32(frame[logFrameHeader+applicationAt:]))
			}
			if !slices.Contains(pending.numbers, number) {
				pending.numbers = append(pending.numbers, number)
			}
		}
		if ends {
			pending.commits, frames = true, 0
			log = pending
		}
	}
}

// atEnd is no error when a file ended.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// logSum is the running checksum of a log.
type logSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (s *logSum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		s.s0 += s.order.Uint32(b) + s.s1
		s.s1 += s.order.Uint32(b[4:]) + s.s0
	}
}

func (s *logSum) is(b []byte) bool {
	return binary.BigEndian.Uint32(b) == s.s0 && binary.BigEndian.Uint32(b[4:]) == s.s1
}

// logMark is what the writer knows of the log that it writes to.
type logMark struct {
	path  string // of the database
	log   *os.File
	salts [logSaltsSize]byte // of the log that has the mark
}

// mark draws the next number of the database when the log has restarted since it last did. It is asked after each commit, which costs
// a read of eight bytes; a log begins when the file is opened, and then after 16 MB. What keeps it from that, a full disk say, keeps
// nobody else from anything: the next commit asks again.
func (m *logMark) mark(w *writer) {
	if salts, ok := m.read(); !ok || salts == m.salts || w.nextNumber() != nil {
		return
	}
	if salts, ok := m.read(); ok { // drawing may have begun it
		m.salts = salts
	}
}

// read returns the salts of the log, which are others for each.
func (m *logMark) read() (salts [logSaltsSize]byte, ok bool) {
	if m.log == nil {
		var err error
		if m.log, err = os.Open(logFile(m.path)); err != nil {
			m.log = nil
			return salts, false
		}
	}
	_, err := m.log.ReadAt(salts[:], logSaltsAt)
	return salts, err == nil
}

func (m *logMark) close() error {
	if m.log == nil {
		return nil
	}
	return m.log.Close()
}

// nextNumber draws the next number of the database, in a transaction of its own, which leaves the one before beside it.
func (w *writer) nextNumber() (err error) {
	if err := w.begin(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.rollback()
		}
	}()
	var number int32
	if err := w.conn.QueryRowContext(context.Background(), "PRAGMA user_version").Scan(&number); err != nil {
		return err
	}
	for name, value := range map[string]int32{"application_id": number, "user_version": int32(lot())} { //nolint:gosec // the same 32 bits
		if _, err := w.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA %s = %d", name, value)); err != nil {
			return err
		}
	}
	return w.control(commitTransaction)
}

// lot draws a number. 0 is that of files from before there were numbers.
func lot() uint32 {
	number := make([]byte, 4)
	for {
		_, _ = rand.Read(number) // never fails: the program would end instead
		if drawn := binary.BigEndian.Uint32(number); drawn != 0 {
			return drawn
		}
	}
}

// drawNumber gives a file that nobody has open a number of its own, by which no log of another is taken for its.
func drawNumber(f *os.File) error {
	_, err := f.WriteAt(binary.BigEndian.AppendUint32(nil, lot()), userVersionAt)
	return err
}

// numberOldFile gives one to a file from before there were numbers. The caller holds the lock. It waits while there is a log, which may
// have the first page too: the next start after an orderly stop finds none.
func numberOldFile(path string) error {
	header := make([]byte, fileHeaderSize)
	if n, err := readStart(path, header); err != nil || n < fileHeaderSize || binary.BigEndian.Uint32(header[userVersionAt:]) != 0 {
		return err
	}
	for _, log := range []string{logFile(path), path + "-journal"} {
		if info, err := os.Stat(log); err == nil && info.Size() > 0 {
			return nil
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator names the file
	if err != nil {
		return withoutPath(err)
	}
	// A log that survives a power cut must find the number on which it began.
	return errors.Join(drawNumber(f), f.Sync(), f.Close())
}
