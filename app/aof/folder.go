package aof

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A Folder is where the files are: Dir/Name, with a manifest called after the
// prefix that new files get.
type Folder struct {
	Dir    string // where the old, single file would be
	Name   string
	Prefix string
}

// Path is where a file of the folder is.
func (d Folder) Path(name string) string { return filepath.Join(d.Dir, d.Name, name) }

// ManifestName is the name of the manifest.
func (d Folder) ManifestName() string { return d.Prefix + ".manifest" }

// Load reads the manifest. Without one the folder is empty. An error is a
// *ManifestError, or one of the file.
func (d Folder) Load() (*Manifest, error) {
	if stat, err := os.Stat(d.Path("")); err != nil || !stat.IsDir() {
		return &Manifest{}, nil
	}
	text, err := os.ReadFile(d.Path(d.ManifestName()))
	if errors.Is(err, fs.ErrNotExist) {
		return &Manifest{}, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseManifest(text)
}

// A StepError is a failure with the step of several in which it came.
type StepError struct {
	Step string // as Redis's log names it
	Err  error
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }
func (e *StepError) Unwrap() error { return e.Err }

// Make makes the folder, unless it is there.
func (d Folder) Make() error {
	err := os.Mkdir(d.Path(""), 0o755)
	if errors.Is(err, fs.ErrExist) {
		if stat, statErr := os.Stat(d.Path("")); statErr == nil && stat.IsDir() {
			return nil
		}
	}
	if err != nil {
		return &StepError{"Can't open or create append-only dir " + d.Name, err}
	}
	return nil
}

// Store replaces the manifest: the new one is on disk before it takes the name.
func (d Folder) Store(m *Manifest) error {
	name := d.ManifestName()
	temp := "temp-" + name
	f, err := os.OpenFile(d.Path(temp), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return &StepError{"Can't open the AOF manifest file " + temp, err}
	}
	if _, err = f.WriteString(m.String()); err != nil {
		f.Close()
		return &StepError{"Error trying to write the temporary AOF manifest file " + temp, err}
	}
	err = f.Sync()
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return &StepError{"Fail to fsync the temp AOF file " + temp, err}
	}
	if err = os.Rename(d.Path(temp), d.Path(name)); err != nil {
		return &StepError{"Error trying to rename the temporary AOF manifest file " + temp + " into " + name, err}
	}
	if err = syncDir(d.Path("")); err != nil {
		return &StepError{"Fail to fsync AOF directory " + d.Path(name), err}
	}
	return nil
}

// KeepManifest copies the manifest as it stands on disk to a file of another name.
func (d Folder) KeepManifest(name string) error {
	text, err := os.ReadFile(d.Path(d.ManifestName()))
	if err != nil {
		return &StepError{"Can't open the AOF manifest file " + d.ManifestName(), err}
	}
	f, err := os.OpenFile(d.Path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return &StepError{"Can't open the AOF manifest file " + name, err}
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return &StepError{"Error trying to write the AOF manifest file " + name, err}
	}
	return nil
}

// Upgrade moves the single file of an older version into the folder, as its base,
// if there is one and the folder has nothing yet. Whatever comes between, the next
// start goes on with it. It reports whether it did.
func (d Folder) Upgrade(m *Manifest) (bool, error) {
	old := filepath.Join(d.Dir, d.Prefix)
	if stat, err := os.Stat(old); err != nil || stat.IsDir() {
		return false, nil
	}
	_, missing := os.Stat(d.Path(d.Prefix))
	begun := m.Base.Name == d.Prefix && len(m.Incr) == 0 && missing != nil
	if !m.Empty() && !begun {
		return false, nil
	}
	if err := d.Make(); err != nil {
		return false, err
	}
	m.adoptOld(d.Prefix)
	if err := d.Store(m); err != nil {
		return false, err
	}
	if err := os.Rename(old, d.Path(d.Prefix)); err != nil {
		return false, &StepError{"Error trying to move the old AOF file " + d.Prefix + " into dir " + d.Name, err}
	}
	return true, nil
}

// Remove removes files. What stays behind does no harm.
func (d Folder) Remove(files []File) {
	for _, f := range files {
		if isName(f.Name) {
			os.Remove(d.Path(f.Name))
		}
	}
}

// Size is how many bytes a file has.
func (d Folder) Size(name string) (int64, error) {
	if !isName(name) {
		return 0, errNoName
	}
	stat, err := os.Stat(d.Path(name))
	if err != nil {
		return 0, err
	}
	return stat.Size(), nil
}
