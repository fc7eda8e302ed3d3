// Package cells keeps what came of the cells of a plan in one folder that many
// machines write into at a time.
//
//	DIR/cells/ID/ATTEMPT/begun.json   who works on it, written first
//	DIR/cells/ID/ATTEMPT/...          the files of the result
//	DIR/cells/ID/ATTEMPT/done.json    their sizes and SHA-256, written last; or
//	DIR/cells/ID/ATTEMPT/failed.json  why there is no result
//	DIR/cells/ID/ATTEMPT/damaged.json that a reader found the result damaged
//
// Every attempt has a folder of its own, under a random name, so that two that
// work on one cell never write the same file. A file is created, written from
// beginning to end and closed; nothing is renamed, overwritten, appended to or
// locked. So the folder may be on NFS, or an object store's mount. What is
// assumed of it: a file that was closed without an error is there, whole, for
// everyone who sees a file that was closed after it, and a listing shows it after
// a while. An attempt whose done.json is missing, or lists what is not there yet,
// counts as not done.
package cells
